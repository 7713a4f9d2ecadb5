"""Which files share a table, and what tables and columns are called."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fw_dataset.format.schema import DataModel
from fw_dataset.render.derived import FILE_COLUMNS, PARENT_COLUMNS
from tests.support.tabular import HOUSE, Derived, Folder, derive


@pytest.fixture
def files(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


def names(derived: Derived, table: str) -> dict[str, str]:
    """The columns of the files, and how each is spelled there."""
    properties = derived.tables.models[table].properties
    return {name: prop["path"][0] for name, prop in properties.items() if "path" in prop}


def test_every_row_tells_where_it_is_from(files: Folder, tmp_path: Path) -> None:
    files.add(
        "a.csv",
        "x,y\n1,2\n",
        version=3,
        **{
            "parents.subject": "s",
            "parents.session": "e",
            "parents.acquisition": "q",
            "parents.analysis": "z",
        },
    )
    derived = derive(files, tmp_path / "v")
    assert derived.rows("a") == [
        {
            "parents.group": "lab",
            "parents.project": "p",
            "parents.subject": "s",
            "parents.session": "e",
            "parents.acquisition": "q",
            "parents.analysis": "z",
            "parents.file": "f0000",
            "file.id": "uuid-0000",
            "file.version": 3,
            "file.name": "a.csv",
            "file.member": None,
            "row": 0,
            "x": 1,
            "y": 2,
            "extra": None,
        }
    ]
    model = derived.tables.models["a"]
    assert list(model.properties) == [*HOUSE, "x", "y", "extra"]
    assert derived.table("a").schema.equals(model.to_arrow())
    assert model.required == ("file.name", "row", "x", "y")
    assert (model.properties["x"]["type"], model.properties["extra"]["type"]) == (
        "integer",
        ["string", "null"],
    )
    for name, prop in model.properties.items():
        assert prop["title"], name
        assert prop["description"], name
    for name, shared in (*PARENT_COLUMNS.items(), *FILE_COLUMNS.items()):
        assert model.properties[name] == dict(shared)
    assert DataModel.model_validate(model.to_dict()) == model


def test_a_column_that_can_be_null_says_so(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "x,y\n1,\n")
    model = derive(files, tmp_path / "v").tables.models["a"]
    assert model.properties["y"]["type"] == ["string", "null"]
    assert model.required == ("file.name", "row", "x")


def test_the_same_columns_in_another_order(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "x,y,z\n1,2,3\n")
    files.add("b.tsv", "z\tx\ty\n6\t4\t5\n")
    files.add("c.csv", "x,y\n7,8\n")
    files.add("d.csv", "X,y,z\n7,8,9\n")
    derived = derive(files, tmp_path / "v")
    assert list(derived.tables.models) == ["a", "c", "d"]
    assert [(r["x"], r["y"], r["z"]) for r in derived.rows("a")] == [(1, 2, 3), (4, 5, 6)]


def test_order_of_files(files: Folder, tmp_path: Path) -> None:
    places = [("s2", "a.csv"), ("s1", "z.csv"), ("s1", "b.csv"), (None, "m.csv"), ("s1", "b.csv")]
    for subject, name in places:
        files.add(name, f"x,y\n{subject},{name}\n", **{"parents.subject": subject})
    derived = derive(files, tmp_path / "v")
    assert list(derived.tables.models) == ["m"]
    assert [
        (r["parents.subject"], r["file.name"], r["parents.file"]) for r in derived.rows("m")
    ] == [
        (None, "m.csv", "f0003"),
        ("s1", "b.csv", "f0002"),
        ("s1", "b.csv", "f0004"),
        ("s1", "z.csv", "f0001"),
        ("s2", "a.csv", "f0000"),
    ]


def test_names_of_tables(files: Folder, tmp_path: Path) -> None:
    found = [
        "Ärger & Söhne.csv",
        "2024.csv.gz",
        "files.csv",
        "Files.tsv",
        "x'; drop table y; --.csv",
        "日本.csv",
    ]
    for number, name in enumerate(sorted(found)):
        files.add(name, f"column {number},y\n1,2\n")
    derived = derive(files, tmp_path / "v", taken=["FILES", "subjects"])
    assert list(derived.tables.models) == [
        "t_2024",
        "files_2",
        "files_3",
        "x_drop_table_y",
        "arger_sohne",
        "table",
    ]


def test_columns_that_collide(files: Folder, tmp_path: Path) -> None:
    files.add(
        "a.csv", 'parents.subject,Row,EXTRA,file.name,x,X,x,x_2,,"  ",,column_9\n' + "1," * 11
    )
    derived = derive(files, tmp_path / "v")
    assert names(derived, "a") == {
        "parents.subject_2": "parents.subject",
        "Row_2": "Row",
        "EXTRA_2": "EXTRA",
        "file.name_2": "file.name",
        "x": "x",
        "X_2": "X",
        "x_3": "x",
        "x_2_2": "x_2",
        "column_9": "",
        "column_1": "  ",
        "column_11": "",
        "column_9_2": "column_9",
    }


def test_columns_that_collide_share_a_table_all_the_same(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "x,X,x\n1,2,3\n")
    files.add("b.csv", "X,x,x\n5,4,6\n")
    derived = derive(files, tmp_path / "v")
    assert [(r["x"], r["X_2"], r["x_3"]) for r in derived.rows("a")] == [(1, 2, 3), (4, 5, 6)]


def test_a_column_of_the_name_of_surplus_cells(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "surplus_cells,n\nn/a,1,2\n5,1\n")
    row = derive(files, tmp_path / "v").cells("a")[0]
    assert row["extra"] == '{"surplus_cells":"n/a","surplus_cells_2":["2"]}'


def test_names_are_kept_as_they_are_spelled(files: Folder, tmp_path: Path) -> None:
    header = ["Größe (cm)", " age", "a.b.c", "SELECT", 'q"q', "日本", "x" * 300]
    files.add("a.csv", ";".join(h if '"' not in h else '"q""q"' for h in header) + "\n" + ";" * 6)
    derived = derive(files, tmp_path / "v")
    assert list(names(derived, "a").items()) == [(name, name) for name in header]


@pytest.mark.parametrize("width", [1_500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_very_many_columns(files: Folder, tmp_path: Path, width: int) -> None:
    files.add("a.csv", ",".join(f"c{n}" for n in range(width)) + "\n" + "1," * (width - 1) + "x\n")
    files.add("b.csv", ",".join(["same"] * width) + "\n")
    files.add("c.csv", "," * (width - 1) + "\n" + "," * (width - 1) + "\n")
    derived = derive(files, tmp_path / "v")
    assert [len(names(derived, table)) for table in ("a", "b", "c")] == [width] * 3
    assert derived.types("a")[f"c{width - 2}"] == "INTEGER"
    assert [len(derived.rows(table)) for table in ("a", "b", "c")] == [1, 0, 1]


def test_too_many_columns(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "," * 50_000)
    assert "50,001 columns" in derive(files, tmp_path / "v").entry("a.csv")["reason"]


def test_duckdb_reads_it(files: Folder, tmp_path: Path) -> None:
    files.add("a.csv", "x,X,n\0\na\0b,2020-01-01,n/a\nc,2021-01-01,4\n")
    derived = derive(files, tmp_path / "v")
    (entry,) = derived.tables.entries
    with duckdb.connect() as connection:
        connection.execute(f"create view a as from read_parquet('{derived.folder / entry.path}')")
        found = connection.execute("select x, X_2, n_, extra->>'$.n_' from a order by \"row\"")
        assert [row[0] for row in found.fetchall()] == ["a\0b", "c"]
