"""Files that are not as they should be: each is told of by name, and the others go on."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zipfile
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from fw_dataset.errors import FWDatasetError, InvalidArgumentError, TabularFileError
from fw_dataset.render.progress import Progress
from fw_dataset.render.tabular.derive import derive_tabular
from fw_dataset.render.tabular.folder import FolderSource
from fw_dataset.render.tabular.members import members
from tests.support.tabular import Derived, Folder, derive, files_table

GOOD = "id,n\na,1\nb,2\n"


@pytest.fixture
def files(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


def made(files: Folder, tmp_path: Path, **options: Any) -> Derived:
    return derive(files, tmp_path / "v", **options)


def reason(derived: Derived, name: str, member: str | None = None) -> str:
    entry = derived.entry(name, member)
    assert (entry["table"], entry["rows"]) == (None, 0)
    assert entry["status"] == "skipped"
    return str(entry["reason"])


def zipped(members: dict[str, bytes | str], **options: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


# ------------------------------------------------------------------------------- nothing to read


def test_no_files_at_all(files: Folder, tmp_path: Path) -> None:
    derived = made(files, tmp_path)
    assert derived.tables.models == {}
    assert derived.tables.files == []


def test_no_table_of_files(tmp_path: Path) -> None:
    derived = derive_tabular({}, tmp_path, FolderSource(tmp_path), [], tmp_path)
    assert (derived.models, derived.files) == ({}, [])


@pytest.mark.parametrize("data", ["", "\n\r\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf\n"])
def test_empty(files: Folder, tmp_path: Path, data: bytes | str) -> None:
    files.add("empty.csv", data)
    files.add("good.csv", GOOD)
    derived = made(files, tmp_path)
    entry = derived.entry("empty.csv")
    assert (entry["status"], entry["rows"], entry["table"]) == ("empty", 0, None)
    assert list(derived.tables.models) == ["good"]


def test_only_a_header(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "x,y")
    files.add("b.csv", "id,n\n")
    files.add("c.csv", GOOD)
    derived = made(files, tmp_path)
    assert derived.types("a") == {"x": "TEXT", "y": "TEXT"}
    assert derived.rows("a") == []
    assert derived.types("b") == {"id": "TEXT", "n": "INTEGER"}
    assert [entry["rows"] for entry in derived.tables.files] == [0, 0, 2]
    assert {entry["status"] for entry in derived.tables.files} == {"read"}


def test_missing_and_deleted_and_others(files: Folder, tmp_path: Path) -> None:
    files.add("gone.csv", None, size=7)
    files.add("deleted.csv", GOOD, deleted=datetime(2024, 1, 1, tzinfo=timezone.utc))
    files.add("replaced.csv", GOOD, replaced=datetime(2024, 1, 1, tzinfo=timezone.utc))
    files.add("image.csv", GOOD, type="nifti")
    files.add("untyped.csv", GOOD, type=None)
    files.add("Case.csv", GOOD, type="Tabular Data")
    derived = made(files, tmp_path)
    assert [entry["name"] for entry in derived.tables.files] == ["Case.csv", "gone.csv"]
    assert "not in the folder" in reason(derived, "gone.csv")


@pytest.mark.parametrize("column", ["type", "name", "deleted", "replaced"])
def test_columns_that_were_left_out(files: Folder, tmp_path: Path, column: str) -> None:
    import pyarrow.parquet as pq

    files.add("a.csv", GOOD)
    path = files_table(tmp_path, files.records)
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    with pytest.raises(InvalidArgumentError, match=f"no column {column}"):
        derive_tabular({"files": [path]}, tmp_path, FolderSource(files.path), [], tmp_path)


# -------------------------------------------------------------------------------------- quoting


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('id,n\na,1\nb,"2\nc,3\n', "line 3: a quote is opened and never closed"),
        ('id,n\na,1\r\nb,"2"x\nc,3\n', "line 3: a cell in quotes goes on"),
        ('id,n\n"a\nb",1\nb,"2" \n', "line 4: a cell in quotes goes on"),
        ('"id,n\na,1\n', "line 1: a quote is opened"),
        ('id,n\na,"', "line 2: a quote is opened"),
        ('id,n\na,"\\"b\\""\n', "line 2: a cell in quotes goes on"),
    ],
)
def test_broken_quotes(files: Folder, tmp_path: Path, text: str, said: str) -> None:
    files.add("broken.csv", text)
    files.add("good.csv", GOOD)
    derived = made(files, tmp_path)
    assert said in reason(derived, "broken.csv")
    assert list(derived.tables.models) == ["good"]
    assert len(derived.rows("good")) == 2


def test_broken_far_behind(files: Folder, tmp_path: Path) -> None:
    """Rows of what turns out to be broken are in no table, nor do they count for its types."""
    rows = "".join(f"{number},text\n" for number in range(200_000))
    files.add("a.csv", f'id,n\n{rows}x,"\n')
    files.add("b.csv", GOOD)
    files.add("c.csv", f'id,n\n{rows}x,"y"z\n')
    derived = made(files, tmp_path)
    assert "line 200002" in reason(derived, "a.csv")
    assert "line 200002" in reason(derived, "c.csv")
    assert list(derived.tables.models) == ["b"]
    assert derived.types("b") == {"id": "TEXT", "n": "INTEGER"}
    assert [row["id"] for row in derived.rows("b")] == ["a", "b"]
    assert derived.tables.report["b"]["rows_written"] == 2


def test_a_record_without_end(
    files: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fw_dataset.render.tabular.records._LONGEST_RECORD", 3 << 20)
    files.add("a.csv", 'id,n\n"' + "line\n" * 1_000_000)
    assert "line 2: it does not end within" in reason(made(files, tmp_path), "a.csv")


@pytest.mark.parametrize("piece", ["a", "a,", ",", '"', "\0"])
def test_a_text_that_is_one_line(
    files: Folder, tmp_path: Path, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fw_dataset.render.tabular.records._LONGEST_HEADER", 1 << 19)
    files.add("a.csv", piece * (2 << 20))
    assert reason(made(files, tmp_path), "a.csv").startswith("line 1: ")


def test_a_row_without_end(files: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fw_dataset.render.tabular.records._LONGEST_RECORD", 3 << 20)
    files.add("a.csv", "id,n\nx,1\n" + "a," * (4 << 20))
    assert "line 3: it does not end within" in reason(made(files, tmp_path), "a.csv")


def test_quotes_within_cells_are_characters(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", 'size,n\n5" nail,1\n6"" x,2\nit\'s,3\n')
    derived = made(files, tmp_path)
    assert [row["size"] for row in derived.rows("a")] == ['5" nail', '6"" x', "it's"]


# -------------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_encodings(files: Folder, tmp_path: Path, encoding: str, said: str) -> None:
    text = "name,größe\nMüller,3\nFrançois,4\nNuñez,5\n"
    files.add("a.csv", text.encode(encoding))
    derived = made(files, tmp_path)
    assert [row["name"] for row in derived.rows("a")] == ["Müller", "François", "Nuñez"]
    assert derived.types("a") == {"name": "TEXT", "größe": "INTEGER"}
    assert derived.entry("a.csv")["encoding"] == said


RUSSIAN = """имя,возраст,город
Иван Петрович Смирнов,34,Москва
Пётр Алексеевич Кузнецов,51,Санкт-Петербург
Мария Ивановна,28,Казань
"""
JAPANESE = """名前,年齢,所見
山田太郎,34,検査の結果は正常でした
鈴木花子,51,右の側頭葉に小さな病変がみられます
佐藤さくら,28,特記事項はありません
"""
CHINESE = """姓名,年龄,诊断
张伟,34,检查结果正常没有发现任何问题
王芳,51,右侧颞叶有一个小的病变需要复查
"""
POLISH = "nazwa,n,uwagi\nZażółć gęślą jaźń,1,badanie głowy było prawidłowe\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", RUSSIAN),
        ("koi8_r", RUSSIAN),
        ("cp1250", POLISH),
        ("shift_jis", JAPANESE),
        ("euc_jp", JAPANESE),
        ("gb18030", CHINESE),
    ],
)
def test_encodings_that_are_detected(
    files: Folder, tmp_path: Path, encoding: str, text: str
) -> None:
    files.add("a.csv", text.encode(encoding))
    derived = made(files, tmp_path)
    found = [[str(value) for value in row.values()][:3] for row in derived.cells("a")]
    assert found == [line.split(",") for line in text.splitlines()[1:]]


def test_what_is_not_ascii_far_behind(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", b"id,n\n" + b"plain,1\n" * 300_000 + "Müller,2\n".encode("cp1252"))
    derived = made(files, tmp_path)
    assert derived.entry("a.csv")["encoding"] == "cp1252"
    assert derived.rows("a")[-1]["id"] == "Müller"


def test_mixed_encodings(files: Folder, tmp_path: Path) -> None:
    """Read in one encoding that all bytes have a character in: nothing is lost."""
    files.add("a.csv", "id,n\nMüller,1\n".encode() + "Müller,2\n".encode("cp1252"))
    files.add("b.csv", GOOD)
    derived = made(files, tmp_path)
    entry = derived.entry("a.csv")
    names = [row["id"] for row in derived.rows("a")]
    assert names[1] == "Müller"
    assert [name.encode(entry["encoding"]) for name in names[:2]] == [
        "Müller".encode(),
        "Müller".encode("cp1252"),
    ]


def test_bytes_that_are_no_text(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", b"id,n\n" + bytes(range(128, 256)) * 3)
    files.add("utf16.csv", "id,n\n1,2\n".encode("utf-16") + b"\0")
    files.add("good.csv", GOOD)
    derived = made(files, tmp_path)
    for name in ("a.csv", "utf16.csv"):
        assert "no text in an encoding" in reason(derived, name)
    assert derived.entry("good.csv")["status"] == "read"


def test_nul_bytes_stay(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", 'i\0d,n\na\0b,1\n"\0",2\n\0,3\n')
    derived = made(files, tmp_path)
    assert derived.cells("a") == [
        {"i_d": "a\0b", "n": 1, "extra": None},
        {"i_d": "\0", "n": 2, "extra": None},
        {"i_d": "\0", "n": 3, "extra": None},
    ]
    assert derived.tables.models["a"].properties["i_d"]["path"] == ["i\0d"]


# ------------------------------------------------------------------------------------------ rows


def test_rows_of_other_lengths(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "id,n\na\nb,1,x,,y\nc,2,,\n\nd,3,\n")
    derived = made(files, tmp_path)
    assert derived.cells("a") == [
        {"id": "a", "n": None, "extra": None},
        {"id": "b", "n": 1, "extra": '{"surplus_cells":["x",null,"y"]}'},
        {"id": "c", "n": 2, "extra": None},
        {"id": "d", "n": 3, "extra": None},
    ]
    entry = derived.entry("a.csv")
    assert (entry["rows_padded"], entry["rows_with_surplus_cells"]) == (1, 3)
    report = derived.tables.report["a"]
    assert (report["rows_padded"], report["rows_with_surplus_cells"]) == (1, 3)
    assert [row["row"] for row in derived.rows("a")] == [0, 1, 2, 3]


def test_one_column(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", '\n\nx\n1\n\n""\n4')
    derived = made(files, tmp_path)
    assert [row["x"] for row in derived.rows("a")] == [1, None, None, 4]


def test_a_line_of_one_empty_cell_in_quotes_is_a_row(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", 'x,y\n\n""\n1,2\n')
    assert [row["x"] for row in made(files, tmp_path).rows("a")] == [None, 1]


def test_a_comment_is_none(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "#id,n\n#a,1\n# only\n")
    derived = made(files, tmp_path)
    assert [row["#id"] for row in derived.rows("a")] == ["#a", "# only"]


# --------------------------------------------------------------------------------- packed files


def test_gzip(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv.gz", gzip.compress(GOOD.encode()))
    files.add("b.tsv", gzip.compress(b"p\tq\n1\t2\n"))
    files.add("c.csv.gz", "r,s\n1,2\n")
    files.add("cut.csv.gz", gzip.compress(GOOD.encode() * 100)[:-9])
    files.add("odd.csv.gz", gzip.compress(GOOD.encode() * 100)[:-30] + bytes(30))
    derived = made(files, tmp_path)
    assert list(derived.tables.models) == ["a", "b", "c"]
    assert "unpacked" in reason(derived, "cut.csv.gz")
    assert "unpacked" in reason(derived, "odd.csv.gz")


def test_archives(files: Folder, tmp_path: Path) -> None:
    members: dict[str, bytes | str] = {
        "x/": "",
        "x/one.csv": GOOD,
        "x/two.TSV": "n\tid\n7\tz\n",
        "readme.md": "text",
        "__MACOSX/x/._one.csv": b"\0\5\x16\7",
        "empty.csv": "",
        "broken.csv": 'a,b\n"',
    }
    files.add("all.zip", zipped(members))
    derived = made(files, tmp_path)
    assert [
        (row["file.member"], row["row"], row["id"], row["n"]) for row in derived.rows("one")
    ] == [
        ("x/one.csv", 0, "a", 1),
        ("x/one.csv", 1, "b", 2),
        ("x/two.TSV", 0, "z", 7),
    ]
    assert {row["file.name"] for row in derived.rows("one")} == {"all.zip"}
    assert [(e["member"], e["status"]) for e in derived.tables.files] == [
        ("x/one.csv", "read"),
        ("x/two.TSV", "read"),
        ("readme.md", "skipped"),
        ("__MACOSX/x/._one.csv", "skipped"),
        ("empty.csv", "empty"),
        ("broken.csv", "skipped"),
    ]


@pytest.mark.parametrize("name", ["../../out.csv", "/etc/out.csv", "..\\out.csv", "C:\\out.csv"])
def test_members_that_climb_are_only_read(files: Folder, tmp_path: Path, name: str) -> None:
    files.add("a.zip", zipped({name: GOOD}))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    derived = made(files, tmp_path)
    assert list(derived.tables.models) == ["out"]
    assert len(derived.rows("out")) == 2
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.parent.name for path in new} == {"v", "out"}


def test_packed_bombs(files: Folder, tmp_path: Path) -> None:
    rows = "id,n\n" + "a,1\n" * 100_000
    files.add("a.csv.gz", gzip.compress(rows.encode()))
    files.add("b.zip", zipped({"b.csv": rows}))
    files.add("c.zip", zipped({f"{number}.csv": rows for number in range(3)}))
    files.add("d.csv", rows)
    derived = made(files, tmp_path, unpacked_limit=900_000)
    assert [(e["member"] or e["name"], e["status"]) for e in derived.tables.files] == [
        ("a.csv.gz", "read"),
        ("b.csv", "read"),
        ("0.csv", "read"),
        ("1.csv", "read"),
        ("2.csv", "skipped"),
        ("d.csv", "read"),
    ]
    assert "more than 900,000 bytes" in reason(derived, "c.zip", "2.csv")


def test_archives_with_a_byte_changed(tmp_path: Path) -> None:
    whole = zipped({"é.csv": GOOD})
    path = tmp_path / "changed.zip"
    for place in range(4, len(whole)):
        for byte in (b"\0", b"!", b"\xff"):
            path.write_bytes(whole[:place] + byte + whole[place + 1 :])
            with suppress(TabularFileError):  # and nothing else is raised
                read_members(path)


def read_members(path: Path) -> None:
    for member in members(path, path.name):
        if member.open is not None:
            with suppress(TabularFileError), member.open() as opened:
                opened.read()


def test_damaged_archives(files: Folder, tmp_path: Path) -> None:
    whole = zipped({"a.csv": GOOD * 100})
    place = whole.index(b"a.csv") + 8
    encrypted = bytearray(zipped({"secret.csv": GOOD}))
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\1\2") + 8] |= 1
    files.add("cut.zip", whole[:-10])
    files.add("changed.zip", whole[:place] + b"\xff\xff" + whole[place + 2 :])
    files.add("encrypted.zip", bytes(encrypted))
    files.add("none.zip", zipped({}))
    files.add("start.zip", b"PK\3\4")
    # A name that says that it is UTF-8, and is not: in the list of members, and before the member.
    named = zipped({"é.csv": GOOD})
    at_end = named.rindex("é".encode())
    files.add("names.zip", named[:at_end] + b"\xff" + named[at_end + 1 :])
    files.add("name.zip", named[:30] + b"\xff" + named[31:])
    files.add("text.zip", GOOD)
    files.add("good.csv", GOOD)
    derived = made(files, tmp_path)
    assert "unpacked" in reason(derived, "cut.zip")
    assert "unpacked" in reason(derived, "changed.zip", "a.csv")
    assert "encrypted" in reason(derived, "encrypted.zip", "secret.csv")
    assert "unpacked" in reason(derived, "start.zip")
    assert "unpacked" in reason(derived, "names.zip")
    assert "unpacked" in reason(derived, "name.zip", "é.csv")
    for name in ("text.zip", "none.zip"):
        assert reason(derived, name)
    assert len(derived.rows("good")) == 2


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.parquet", "a.json", ".csv.bak", "a.gz"])
def test_other_forms(files: Folder, tmp_path: Path, name: str) -> None:
    files.add(name, GOOD)
    assert "neither CSV nor TSV" in reason(made(files, tmp_path), name)


# ------------------------------------------------------------------------------------ the folder


def test_the_folder_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("none", "file"):
        with pytest.raises(InvalidArgumentError, match=name):
            FolderSource(tmp_path / name)


def test_names_that_climb_out(files: Folder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password,n\nx,1\n")
    (files.path / "f").mkdir(parents=True)
    (files.path / "f" / "link.csv").symlink_to(secret)
    (files.path / "g").symlink_to(tmp_path)
    (files.path / "f" / "loop.csv").symlink_to("loop.csv")
    (files.path / "f" / "pipe.csv").mkdir()
    os.mkfifo(files.path / "f" / "fifo.csv")
    names = {
        "../secret.csv": "..",
        "../../secret.csv": "f",
        "a/../../../secret.csv": "f",
        str(secret): "f",
        "link.csv": "f",
        "secret.csv": "g",
        "": "f",
        ".": "f",
        "a\0.csv": "f",
        "loop.csv": "f",
        "pipe.csv": "f",
        "fifo.csv": "f",
        "n" * 300 + ".csv": "f",
        "x/secret.csv": "../..",
        "none.csv": "",
    }
    for name, file_id in names.items():
        files.add(name, None, file_id=file_id)
    files.add("nobody.csv", None, file_id=None)
    files.add("good.csv", GOOD)
    derived = made(files, tmp_path)
    assert list(derived.tables.models) == ["good"]
    for entry in derived.tables.files:
        assert (entry["status"] == "read") == (entry["name"] == "good.csv"), entry
        assert str(tmp_path) not in (entry["reason"] or "")
    assert len(derived.tables.files) == len(names) + 2


def test_links_within_the_folder(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", GOOD)
    files.add("b.csv", None, file_id="f9")
    (files.path / "f9").mkdir()
    (files.path / "f9" / "b.csv").symlink_to(files.path / "f0000" / "a.csv")
    assert len(made(files, tmp_path).rows("a")) == 4


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"size": 5}, "13 bytes instead of 5"),
        ({"hash": "v0-sha384-" + "0" * 96}, "hash"),
        ({"hash": hashlib.sha256(b"x").hexdigest()}, "hash"),
        ({"size": 0}, None),
        ({"size": None}, None),
        ({"hash": ""}, None),
        ({"hash": "of no known form"}, None),
        ({"hash": hashlib.sha256(GOOD.encode()).hexdigest()}, None),
        ({"hash": "v0-sha384-" + hashlib.sha384(GOOD.encode()).hexdigest()}, None),
        ({"hash": hashlib.sha1(GOOD.encode()).hexdigest().upper()}, None),
        ({"hash": hashlib.sha1(b"blob 13\0" + GOOD.encode()).hexdigest()}, None),
        ({"hash": "v0-sha384-" + "0" * 95}, None),
    ],
)
def test_size_and_hash_of_the_record(
    files: Folder, tmp_path: Path, columns: dict[str, Any], said: str | None
) -> None:
    files.add("a.csv", GOOD, **columns)
    derived = made(files, tmp_path)
    if said is None:
        assert derived.entry("a.csv")["status"] == "read"
    else:
        assert said in reason(derived, "a.csv")


def test_a_source_that_fails(files: Folder, tmp_path: Path) -> None:
    """What a source raises ends all; what it gives in a file's place is told of."""

    class Failing(FolderSource):
        def fetch_each(self, files: Any, into: Path) -> Any:
            assert files
            yield FWDatasetError("no such luck")
            (into / "b").write_text(GOOD)
            yield into / "b"
            assert not (into / "b").exists()
            raise FWDatasetError("the end")

    for name in "abc":
        files.add(f"{name}.csv", GOOD)
    with pytest.raises(FWDatasetError, match="the end"):
        made(files, tmp_path, source=Failing(tmp_path))
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == ["files.parquet"]


def test_progress(files: Folder, tmp_path: Path) -> None:
    for name in "abc":
        files.add(f"{name}.csv", GOOD)
    seen: list[Progress] = []
    made(files, tmp_path, progress=seen.append)
    assert [step.rows for step in seen] == [1, 2, 3]
    assert {step.total_rows for step in seen} == {3}
    assert seen[-1].bytes == seen[-1].total_bytes == 3 * len(GOOD)
