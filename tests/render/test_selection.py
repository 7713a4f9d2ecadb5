"""control_columns: what is kept, what is refused, and that the rest is nowhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_dataset.errors import ControlColumnsError
from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.tables import EXTRA, PRIMARY_CONTAINERS, PrimaryColumn, primary_table
from fw_dataset.render.selection import ControlColumns, select_columns
from fw_dataset.render.version import render_tables
from fw_dataset.snapshot import open_snapshot
from tests.support.rendering import ALL_TABLES, render, render_row
from tests.support.snapshots import Data, write_database

MARKER = "Jane-Doe"
HOLD_TEXT = (ColumnType.TEXT, ColumnType.JSON, ColumnType.TEXT_LIST)
COLUMNS = {name: list(primary_table(name).model.properties) for name in ALL_TABLES}

choices = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.sampled_from(COLUMNS[name]), max_size=6) for name in ALL_TABLES}
)


def mark(table: str, column: str) -> str:
    return f"{MARKER}:{table}:{column};"


def marked(table: str, column: PrimaryColumn, *, fits: bool) -> Any:
    """A value with the marker and the column's name, of the column's type or not."""
    text = mark(table, column.name)
    if fits and column.type is ColumnType.TEXT_LIST:
        return [text]
    if fits and column.type is ColumnType.JSON:
        return {"name": text}
    return text if fits else [text, 1]


def marked_record(table: str, *, fits: bool) -> dict[str, Any]:
    """A record whose every value says which column it belongs to, or that it has none."""
    unknown = mark(table, EXTRA)
    record: dict[str, Any] = {"unknown": unknown}
    for column in primary_table(table).columns:
        target = record
        for key in column.path[:-1]:
            target = target.setdefault(key, {"unknown": unknown})
        target[column.path[-1]] = marked(table, column, fits=fits)
    return record


def repeated(record: Mapping[str, Any]) -> bytes:
    """The record with every member twice."""
    text = json.dumps(record)[1:-1]
    return f"{{{text}, {text}}}".encode()


def rendered_text(folder: Path) -> str:
    """Everything that can be read in the rendered files, decompressed."""
    texts = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            texts.append(json.dumps(pq.read_table(path).to_pylist(), default=str))
            texts.append(str(pq.read_metadata(path).to_dict()))
        elif path.is_file():
            texts.append(path.read_text())
    return "\n".join(texts)


def render_marked(chosen: ControlColumns | None, folder: Path) -> str:
    tables: dict[str, list[tuple[object, Data]]] = {}
    for name, container in PRIMARY_CONTAINERS.items():
        plain = marked_record(name, fits=True)
        odd: list[Data] = [marked_record(name, fits=False), repeated(plain), b'{"_id": NaN}']
        odd += [json.dumps({**plain, "x": "\ud800"}).encode(), f'{{"{MARKER}'.encode()]
        records: list[Data] = [plain] if name == "projects" else [plain, *odd]
        tables[container] = [(str(row), data) for row, data in enumerate(records)]
    folder.mkdir()
    write_database(folder / "s.db", tables)
    out = folder / "version"
    with open_snapshot(folder / "s.db", folder, keep=False) as snapshot:
        rendered = render_tables(
            snapshot, select_columns(chosen), out, skip_errors=True, progress=None
        )
    for name, model in rendered.models.items():
        (out / f"{name}.json").write_text(json.dumps(model.to_dict()))
    (out / "report.json").write_bytes(rendered.report.to_json())
    (out / "log").write_text(rendered.report.log())
    return rendered_text(out)


@settings(max_examples=15)
@given(chosen=choices)
def test_columns_that_are_left_out_are_nowhere(
    tmp_path_factory: pytest.TempPathFactory, chosen: dict[str, list[str]]
) -> None:
    text = render_marked(chosen, tmp_path_factory.mktemp("chosen") / "out")

    for table, selection in select_columns(chosen).items():
        for name in COLUMNS[table]:
            if name not in selection.kept:
                assert mark(table, name) not in text
            elif selection.table.model.column_type(name) in HOLD_TEXT:
                assert mark(table, name) in text


def test_without_a_choice_everything_is_there(tmp_path: Path) -> None:
    text = render_marked(None, tmp_path / "out")

    for table, columns in COLUMNS.items():
        for name in columns:
            assert mark(table, name) in text


def test_named_table_keeps_named_and_identifying_columns() -> None:
    selections = select_columns({"subjects": ["label", "sex"]})

    names = list(selections["subjects"].model.properties)
    assert names == ["id", "label", "parents.group", "parents.project", "sex"]


def test_other_tables_lose_extra_alone() -> None:
    selections = select_columns({"subjects": ["label"]})

    for name in set(ALL_TABLES) - {"subjects"}:
        assert list(selections[name].model.properties) == [c for c in COLUMNS[name] if c != EXTRA]
        assert not selections[name].keeps_extra


@pytest.mark.parametrize("table", ALL_TABLES)
def test_nothing_named_keeps_what_identifies(table: str) -> None:
    selection = select_columns({table: []})[table]

    expected = [n for n in COLUMNS[table] if n == "id" or n.startswith("parents.")]
    if table == "files":
        expected[1:1] = ["version", "file_id"]
    assert list(selection.model.properties) == expected


def test_extra_that_is_asked_for_lacks_the_columns_that_were_left_out() -> None:
    selection = select_columns({"subjects": ["label", "extra"]})["subjects"]
    source = (
        '{"_id": "s", "firstname": "Jane", "label": 5, "x": 1, "sex": "f", "sex": "m",'
        ' "source": {"id": "Jane", "y": 2}, "info": {"name": "Jane"}, "age": "Jane"}'
    )

    (row,) = render("subjects", source, selection=selection).rows

    assert json.loads(row.pop("extra")) == {"label": 5, "x": 1, "source": {"y": 2}}
    assert row == {"id": "s", "label": None, "parents.group": None, "parents.project": None}


@pytest.mark.parametrize("value", ['"Jane"', '["Jane"]', "null", '{"id": "Jane"}', "5"])
def test_object_whose_columns_are_all_left_out_is_left_out(value: str) -> None:
    selection = select_columns({"subjects": ["extra"]})["subjects"]

    rendered = render("subjects", f'{{"source": {value}}}', selection=selection)

    assert rendered.rows[0]["extra"] is None
    assert rendered.report.unfit == {}


def test_misfits_of_columns_that_are_left_out_are_not_counted() -> None:
    selection = select_columns({"subjects": ["label"]})["subjects"]

    rendered = render("subjects", '{"age": "Jane", "created": "Jane"}', selection=selection)

    assert rendered.report.unfit == {}


@pytest.mark.parametrize("table", ALL_TABLES)
def test_a_choice_of_all_columns_is_the_whole_table(table: str) -> None:
    source = json.dumps(marked_record(table, fits=True))
    selection = select_columns({table: COLUMNS[table]})[table]

    assert render(table, source, selection=selection).rows == [render_row(table, source)]
    assert selection.model == primary_table(table).model


@pytest.mark.parametrize("chosen", [{}, {"files": ()}, {"files": ("name", "name")}])
def test_tuples_and_repeated_names_are_fine(chosen: ControlColumns) -> None:
    assert not select_columns(chosen)["subjects"].keeps_extra


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"subject": ["id"]}, "no table 'subject'; did you mean 'subjects'?"),
        ({"header_dicom": []}, "there are: acquisitions, analyses, files, projects, s"),
        ({"subjects": ["fistname"]}, "table 'subjects' has no column 'fistname'; did you mean 'fi"),
        ({"subjects": ["_id"]}, "no column '_id'; .*there are: age, code, cohort, copy_of,"),
        ({"subjects": ["parents.session"]}, "no column 'parents.session'"),
        ({"subjects": [None]}, "no column None"),
        ({"subjects": "label"}, "'subjects' needs a list of column names"),
        ({"subjects": None}, "'subjects' needs a list of column names"),
        ({"subjects": {"label"}}, "'subjects' needs a list of column names"),
        (["subjects"], "give a mapping"),
        ("subjects", "give a mapping"),
    ],
)
def test_choice_of_what_is_not_there_is_refused(chosen: Any, message: str) -> None:
    with pytest.raises(ControlColumnsError, match=message) as raised:
        select_columns(chosen)

    assert "\n" not in str(raised.value)
