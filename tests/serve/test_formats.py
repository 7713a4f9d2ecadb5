"""Other ways to take data: whole results in another format, and the data files themselves."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.serve.conftest import FILES, SUBJECTS, Study
from tests.serve.server import Server

SQL = "SELECT id, size, tags, created, name FROM files ORDER BY id"
MEDIA = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}


def read(form: str, body: bytes) -> list[dict[str, Any]]:
    if form == "ndjson":
        return [json.loads(line) for line in body.decode().splitlines()]
    if form == "csv":
        options = pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
        table = pa.csv.read_csv(io.BytesIO(body), convert_options=options)
    elif form == "arrow":
        table = pa.ipc.open_stream(body).read_all()
    else:
        table = pq.read_table(io.BytesIO(body))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@pytest.mark.parametrize("by", ["format", "accept"])
@pytest.mark.parametrize("form", MEDIA)
def test_a_result_in_another_format(server: Server, form: str, by: str) -> None:
    if by == "format":
        answer = server.search(SQL, path=f"?format={form}")
    else:
        answer = server.ask("POST", "/search", {"query": SQL}, {"Accept": MEDIA[form]})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(MEDIA[form])
    assert f"result.{form}" in answer.headers["content-disposition"]

    rows = read(form, answer.body)

    expected = server.rows(SQL)
    assert [row["id"] for row in rows] == [row["id"] for row in expected]
    assert [int(row["size"]) for row in rows] == [int(row["size"]) for row in expected]
    if form in ("arrow", "parquet"):
        assert rows[0]["tags"] == expected[0]["tags"]
    assert rows[0]["created"] is None


@pytest.mark.parametrize("form", MEDIA)
def test_types_that_a_format_lacks_are_text(server: Server, form: str) -> None:
    sql = (
        "SELECT INTERVAL '3 days' AS a, {'x': 1::BIGINT} AS b, MAP {'k': 'v'} AS c, sum(1) AS d,"
        " '101'::BIT AS e, union_value(n := 1) AS f, 'x' AS \"F\", 'nan'::DOUBLE AS g"
    )
    answer = server.search(sql, path=f"?format={form}")
    assert answer.status == 200, answer.body
    (row,) = read(form, answer.body)
    assert str(row["d"]).startswith("1")
    assert str(row["e"]).endswith("101")


@pytest.mark.parametrize("form", MEDIA)
def test_a_large_result_comes_whole(server: Server, form: str) -> None:
    answer = server.search("SELECT range AS n FROM range(300000)", path=f"?format={form}")
    rows = read(form, answer.body)
    assert [int(row["n"]) for row in rows] == list(range(300_000))


@pytest.mark.parametrize("form", MEDIA)
def test_an_empty_result_is_a_file_too(server: Server, form: str) -> None:
    answer = server.search("SELECT id FROM files WHERE false", path=f"?format={form}")
    assert answer.status == 200
    assert read(form, answer.body) == []


@pytest.mark.parametrize("form", MEDIA)
def test_what_is_wrong_is_said_in_json(server: Server, form: str) -> None:
    answer = server.search("SELECT nme FROM files", path=f"?format={form}")
    assert answer.status == 400
    assert "nme" in answer.error


def test_json_is_taken_where_it_comes_first(server: Server) -> None:
    headers = {"Accept": "application/json, text/csv"}
    assert server.ask("POST", "/search", {"query": SQL}, headers).json["data"]
    assert server.search(SQL, path="?format=json").json["data"]


def test_an_unknown_format_is_refused(server: Server) -> None:
    answer = server.search(SQL, path="?format=xlsx")
    assert answer.status == 400
    assert "csv, ndjson, arrow, parquet" in answer.error


def test_data_files_are_what_they_are_on_disk(server: Server, study: Study) -> None:
    (listed,) = server.get("/table/files/files").json["files"]
    (path,) = study.files("files")
    answer = server.get(listed["url"])
    assert answer.body == path.read_bytes()
    assert listed["bytes"] == len(answer.body)
    assert pq.read_table(io.BytesIO(answer.body)).num_rows == SUBJECTS * FILES


def test_a_stretch_of_a_data_file(server: Server, study: Study) -> None:
    (path,) = study.files("files")
    data = path.read_bytes()
    url = "/table/files/files/0.parquet"
    for stretch, part in (("0-3", data[:4]), ("-8", data[-8:]), ("4-", data[4:])):
        answer = server.get(url, Range=f"bytes={stretch}")
        assert answer.status == 206
        assert answer.body == part
        assert answer.headers["content-range"].endswith(f"/{len(data)}")
    head = server.ask("HEAD", url)
    assert head.headers["content-length"] == str(len(data))
    assert head.headers["accept-ranges"] == "bytes"
    assert server.get(url, Range=f"bytes={len(data)}-").status == 416


def test_a_view_has_no_data_files(server: Server) -> None:
    assert server.get("/table/full_table/files").json == {"files": []}
    assert server.get("/table/full_table/files/0.parquet").status == 404
