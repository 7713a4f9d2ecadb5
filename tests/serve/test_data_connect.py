"""GA4GH Data Connect 1.0.0, as clients meet it."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator

import fw_dataset
from tests.serve.conftest import FILES, SUBJECTS, Study
from tests.serve.server import Answer, Server, running

PRIMARY = ["acquisitions", "files", "projects", "sessions", "subjects"]
VIEWS = ["full_table", "sessions_summary"]


def value(server: Server, expression: str) -> tuple[Any, dict[str, Any]]:
    """What an expression becomes, and the schema of its column."""
    page = server.search(f"SELECT {expression} AS x").json
    (row,) = page["data"]
    Draft7Validator(page["data_model"]).validate(row)
    return row["x"], page["data_model"]["properties"]["x"]


def test_tables_are_listed_with_the_addresses_of_their_schemas(server: Server) -> None:
    listed = server.get("/tables").json
    assert list(listed) == ["tables"]
    names = [table["name"] for table in listed["tables"]]
    assert names[:7] == [*PRIMARY, *VIEWS]
    assert "my_study_at_v1.files" in names
    assert "my_study_at_v2.sessions_summary" in names
    for table in listed["tables"]:
        info = server.get(table["data_model"]["$ref"]).json
        assert info["name"] == table["name"]
        assert info["description"] == table["description"]
        Draft7Validator.check_schema(info["data_model"])
        assert info["data_model"]["type"] == "object"


def test_a_table_is_described_with_the_meanings_of_its_columns(server: Server) -> None:
    info = server.get("/table/files/info").json
    assert info["rows"] == SUBJECTS * FILES
    size = info["data_model"]["properties"]["size"]
    assert size["type"] == ["string", "null"]
    assert size["format"] == "bigint"
    assert size["description"]
    assert info["data_model"]["properties"]["tags"]["items"]["type"] == ["string", "null"]
    assert server.get("/table/FILES/info").json == info


@pytest.mark.parametrize("path", ["info", "data", "files"])
def test_a_table_that_is_not_there(server: Server, path: str) -> None:
    answer = server.get(f"/table/filles/{path}")
    assert answer.status == 404
    assert "did you mean 'files'?" in answer.error


@pytest.mark.parametrize("table", [*PRIMARY, *VIEWS, "my_study_at_v1.files"])
def test_rows_of_tables_are_as_their_schemas_say(server: Server, table: str) -> None:
    model = server.get(f"/table/{table}/info").json["data_model"]
    rows = []
    for page in server.pages(server.get(f"/table/{table}/data")):
        assert page["data_model"] == model
        rows += page["data"]
    validator = Draft7Validator(model)
    for row in rows:
        validator.validate(row)
        assert list(row) == list(model["properties"])
    asked = server.rows(f"SELECT * FROM {table}")
    # A view has no order of its own.
    assert sorted(rows, key=str) == sorted(asked, key=str)


def test_pages_of_a_result_carry_the_same_schema_and_end(server: Server) -> None:
    first = server.search("SELECT range AS n, range % 7 AS r FROM range(2500)")
    pages = list(server.pages(first))
    assert [len(page["data"]) for page in pages] == [1000, 1000, 500]
    assert len({str(page["data_model"]) for page in pages}) == 1
    assert [row["n"] for page in pages for row in page["data"]] == [str(n) for n in range(2500)]
    again = server.get(pages[0]["pagination"]["next_page_url"])
    assert again.json["data"] == pages[1]["data"]
    assert pages[0]["pagination"]["next_page_url"].startswith(f"{server.url}/search/")


def test_a_result_without_rows_has_its_schema(server: Server) -> None:
    page = server.search("SELECT id, size FROM files WHERE false").json
    assert page["data"] == []
    assert list(page["data_model"]["properties"]) == ["id", "size"]
    assert "pagination" not in page


def test_a_huge_row_is_a_page_of_its_own(server: Server) -> None:
    pages = list(server.pages(server.search("SELECT repeat('x', 5000000) AS x FROM range(3)")))
    assert [len(page["data"]) for page in pages] == [1, 1, 1]


@pytest.mark.parametrize(
    ("expression", "wire", "kind"),
    [
        ("true", True, "boolean"),
        ("1::INTEGER", 1, "integer"),
        ("255::UTINYINT", 255, "integer"),
        ("1.5::DOUBLE", 1.5, "number"),
        ("0.25::FLOAT", 0.25, "number"),
        ("9007199254740993", "9007199254740993", "bigint"),
        ("(SELECT sum(1) FROM range(3))", "3", "bigint"),
        ("170141183460469231731687303715884105727::HUGEINT", str(2**127 - 1), "bigint"),
        ("1.10::DECIMAL(10, 2)", "1.10", "decimal"),
        ("DATE '2020-02-29'", "2020-02-29", "date"),
        ("TIME '10:11:12.5'", "10:11:12.5", "time"),
        ("TIMESTAMP '2020-02-29 10:11:12.5'", "2020-02-29T10:11:12.500000", "timestamp"),
        (
            "TIMESTAMPTZ '2020-02-29 10:11:12+02'",
            "2020-02-29T08:11:12.000000Z",
            "timestamp with time zone",
        ),
        ("INTERVAL '3 days 04:05:06'", "P3DT4H5M6S", "interval day to second"),
        ("INTERVAL '14 months 1.5 seconds'", "P1Y2M0DT0H0M1.500000S", "interval day to second"),
        ("'ä\"\\\\'", 'ä"\\\\', "string"),
        (
            "'00000000-0000-4000-8000-000000000000'::UUID",
            "00000000-0000-4000-8000-" + "0" * 12,
            "uuid",
        ),
        ("'\\x00\\xFF'::BLOB", "AP8=", "string"),
        ("[1::BIGINT, NULL]", ["1", None], "array"),
        ("[[1.5::DECIMAL(3, 1)]]", [["1.5"]], "array"),
        ("{'a': 1::BIGINT, 'b': [DATE '2020-01-01']}", {"a": "1", "b": ["2020-01-01"]}, "object"),
        ("MAP {'k': 2::BIGINT}", {"k": "2"}, "object"),
        ("MAP {7: {'x': 1::BIGINT}}", {"7": {"x": "1"}}, "object"),
        ("[{'a': 1::BIGINT}]", [{"a": "1"}], "array"),
        ("'{\"a\": [1, null]}'::JSON", {"a": [1, None]}, "object"),
        ("NULL::STRUCT(a BIGINT)", None, "object"),
        ("NULL::BIGINT[]", None, "array"),
        ("'b'::ENUM('a', 'b')", "b", "string"),
        ("union_value(a := 1)", "1", "string"),
        ("NULL::VARCHAR", None, "string"),
    ],
)
def test_values_are_spelled_as_data_connect_wants(
    server: Server, expression: str, wire: Any, kind: str
) -> None:
    found, schema = value(server, expression)
    assert found == wire
    assert schema.get("format") == kind or kind in schema["type"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_texts(server: Server, text: str) -> None:
    rows = server.rows(f"SELECT '{text}'::DOUBLE AS x, ['{text}'::FLOAT] AS y")
    assert rows == [{"x": text, "y": [text]}]


def test_columns_of_one_name_are_told_apart(server: Server) -> None:
    (row,) = server.rows('SELECT 1 AS a, 2 AS a, 3 AS "A"')
    assert list(row.values()) == [1, 2, 3]
    assert list(row)[:2] == ["a", "a_1"]


@pytest.mark.parametrize(
    ("expression", "given", "found"),
    [
        ("typeof(?)", 1, "DOUBLE"),
        ("typeof(?)", 1.5, "DOUBLE"),
        ("typeof(?)", "x", "VARCHAR"),
        ("typeof(?)", True, "BOOLEAN"),
        ("typeof(?)", [1, 2], "DOUBLE[]"),
        ("typeof(?)", {"a": "x"}, "STRUCT(a VARCHAR)"),
        ("?", "'; DROP VIEW files; --", "'; DROP VIEW files; --"),
        ("? IS NULL", None, True),
    ],
)
def test_parameters_have_their_types(
    server: Server, expression: str, given: Any, found: Any
) -> None:
    assert server.rows(f"SELECT {expression} AS x", [given]) == [{"x": found}]


def test_parameters_stand_in_their_order(server: Server) -> None:
    sql = "SELECT name FROM files WHERE size = ? AND list_contains(tags, ?) AND name LIKE ?"
    assert server.rows(sql, [1001, "raw", "image%"]) == [{"name": "image-1.nii.gz"}]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT nme FROM files", '"nme" not found'),
        ("SELECT * FROM filles", "there is no table 'filles'"),
        ("SELECT foo(1)", "there is no function 'foo'"),
        ("SELECT 'x'::INTEGER", "Could not convert string"),
        ("SELECT ?", "the SQL has 1 parameters, and 0 are given"),
        ("SELECT 1; SELECT 2", "exactly one statement"),
        ("DROP TABLE files", "only SELECT"),
    ],
)
def test_what_is_wrong_is_said(server: Server, sql: str, said: str) -> None:
    answer = server.search(sql)
    assert answer.status == 400
    assert said in answer.error
    assert "\n" not in answer.error


def test_a_failure_after_some_pages_ends_the_sequence(server: Server) -> None:
    late = "CAST(repeat('late', CAST(range AS INTEGER) - 399999) AS INTEGER)"
    answer = server.search(
        f"SELECT CASE WHEN range < 400000 THEN 1 ELSE {late} END AS x FROM range(500000)"
    )
    pages = 0
    while answer.status == 200:
        pages += 1
        answer = server.get(answer.json["pagination"]["next_page_url"])
    assert pages > 1
    assert answer.status == 400
    said = ("Could not convert string", "DuckDB lost the reason")  # as 1.5 does now and then
    assert any(part in answer.error for part in said)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ga4gh_type(id, 'string') AS id FROM files LIMIT 1;",
        "SELECT id FROM files LIMIT 1 -- comment",
        "FROM files SELECT id LIMIT 1",
        "WITH f AS (SELECT * FROM files), g AS (FROM f) SELECT id FROM g LIMIT 1",
        "SELECT id FROM main.files LIMIT 1",
        'SELECT id FROM "my_study_at_v2"."files" LIMIT 1',
        "SELECT id FROM (VALUES ('x')) AS t(id)",
        "SELECT max(id) AS id FROM files GROUP BY ALL HAVING count(*) > 1",
        "SELECT list_transform([1], lambda x: x + 1) AS id",
        "SELECT row_number() OVER (ORDER BY id) AS id FROM files",
        "SELECT unnest([1, 2]) AS id",
        "SELECT id FROM files, UNNEST(tags) AS t(tag)",
        "SELECT info->>'$.number' AS id FROM subjects",
        "SELECT * FROM (PIVOT files ON type IN ('a') USING count(*) GROUP BY id)",
        "SELECT id FROM files UNION SELECT id FROM subjects",
        "WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id < 3) FROM r",
        "SELECT column_name AS id FROM information_schema.columns WHERE table_name = 'files'",
        "SELECT random() AS id, uuid() AS b, now() AS c, current_date AS d",
        "SELECT id FROM files USING SAMPLE 2 ROWS",
        "SELECT DISTINCT ON (type) id FROM files ORDER BY ALL",
        "SELECT id FROM sessions_summary s, full_table f, (SELECT 1 AS id)",
        "SHOW TABLES",
        "show  all tables ;",
        "DESCRIBE",
        "DESCRIBE sessions",
        "DESC main.sessions",
        "DESCRIBE SELECT label, age FROM sessions",
        "SUMMARIZE files",
        "SUMMARIZE SELECT label, age, weight FROM sessions;",
        "SELECT column_name FROM (DESCRIBE v1_of.files)".replace("v1_of", "my_study_at_v1"),
    ],
)
def test_all_that_asks_is_let_through(server: Server, sql: str) -> None:
    sql = sql.replace(
        "SELECT id FROM sessions_summary", "SELECT session_id AS id FROM sessions_summary"
    )
    answer = server.search(sql)
    assert answer.status == 200, answer.body
    assert answer.json["data"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT approx_distinct(id) AS x FROM files",
        "SELECT json_extract_scalar(info, '$.number') AS x FROM subjects",
        "SELECT element_at(ARRAY[1, 2], 1) AS x",
        "SELECT date_diff('day', DATE '2020-01-01', DATE '2020-01-05') AS x",
        "SELECT CAST(ROW(1, 'a') AS ROW(x BIGINT, y VARCHAR)) AS x",
    ],
)
def test_much_of_trino_is_understood(server: Server, sql: str) -> None:
    pytest.importorskip("sqlglot")
    answer = server.search(sql)
    assert answer.status == 200, answer.body


def test_mistakes_with_names_are_answered_with_what_to_write(server: Server) -> None:
    said = server.search("SELECT parents.subject FROM files").error
    assert 'Referenced table "parents" not found' in said
    assert 'stands in double quotes: "parents.subject" (line 1, column 8)' in said
    said = server.search("SELECT f.parents.subject FROM files f").error
    assert "double quotes" in said
    assert "did you mean subjects?" in server.search("FROM subjcts").error
    assert "SHOW TABLES lists them" in server.search("FROM zzz").error


def test_what_the_service_is(server: Server) -> None:
    info = server.get("/service-info").json
    assert info["type"] == {"group": "org.ga4gh", "artifact": "data-connect", "version": "1.0.0"}
    assert info["version"] == fw_dataset.__version__
    assert info["id"]
    assert info["name"]
    assert set(info["organization"]) == {"name", "url"}


def test_errors_of_the_address_are_errors_of_data_connect(server: Server) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/tables", 405)):
        answer = server.ask(method, path)
        assert answer.status == status
        assert answer.error


def test_several_datasets_are_schemas(study: Study, tmp_path: Any) -> None:
    other = tmp_path / "Other-Site"
    other.symlink_to(study.path)
    with running(study.path, other, "--version", "v1") as server:
        names = [table["name"] for table in server.get("/tables").json["tables"]]
        assert "my_study.files" in names
        assert "other_site.files" in names
        sql = "SELECT count(*) AS n FROM my_study.files a JOIN other_site.files b USING (id)"
        assert server.rows(sql) == [{"n": str(FILES)}]
        missing = server.search("SELECT * FROM files").error
        assert "there is no table 'files'; did you mean my_study.files or other_site.f" in missing
        listed = [row["name"] for row in server.rows("SHOW TABLES")]
        assert listed == sorted(names)
        described = server.rows("DESCRIBE other_site.files")
        assert described[0]["column_name"] == "id"
        assert_pages_of(server.get("/table/other_site.full_table/data"))


def assert_pages_of(answer: Answer) -> None:
    assert answer.status == 200
    assert len(answer.json["data"]) == FILES
