"""Profiles of tables: every figure is what plain Python finds in the same rows."""

from __future__ import annotations

import json
import math
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fw_dataset import Progress
from fw_dataset.format.column_types import ColumnType
from fw_dataset.format.profile import QUANTILES, ColumnProfile, TableProfile, cut
from fw_dataset.format.schema import DataModel
from fw_dataset.render.profiles import profile_relation, profile_tables, profiling_ahead
from fw_dataset.render.profiling import columns as profiled_columns
from fw_dataset.render.profiling import json_keys as profiled_keys
from fw_dataset.render.profiling import tables as profiled_tables

Rows = Mapping[str, Sequence[Any]]

_TYPES = {
    "text": ColumnType.TEXT,
    "json": ColumnType.JSON,
    "whole": ColumnType.INTEGER,
    "number": ColumnType.NUMBER,
    "truth": ColumnType.BOOLEAN,
    "instant": ColumnType.INSTANT,
    "day": ColumnType.DATE,
    "words": ColumnType.TEXT_LIST,
    "counts": ColumnType.INTEGER_LIST,
    "sizes": ColumnType.NUMBER_LIST,
}

# No surrogates: these cannot stand in a Parquet file.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["", " ", "a", "a", "A", "ä", "\x00", "'\"", "x" * 150, "NULL", "…"]
)
keys = st.dictionaries(st.sampled_from(["a", "b.c", "d/e", "~", "'", "\x00", "é"]), st.just(1))
objects = st.recursive(keys, lambda inner: st.dictionaries(st.sampled_from("abc'/~"), inner))
row = st.fixed_dictionaries(
    {
        "text": st.none() | texts,
        "json": st.none() | (objects | st.lists(st.just(1), max_size=1) | texts).map(json.dumps),
        "whole": st.none() | st.integers(-3, 40) | st.integers(-(2**63), 2**63 - 1),
        "number": st.none() | st.floats() | st.sampled_from([0.0, -0.0, 0.1, 5e-324, 1e308]),
        "truth": st.none() | st.booleans(),
        "instant": st.none() | st.datetimes(),
        "day": st.none() | st.dates(),
        "words": st.none() | st.lists(st.none() | texts, max_size=3),
        "counts": st.none() | st.lists(st.none() | st.integers(-3, 40), max_size=5),
        "sizes": st.none()
        | st.lists(st.none() | st.floats(width=16) | st.sampled_from([0.0, -0.0]), max_size=5),
    }
)


def model_of(types: Mapping[str, ColumnType]) -> DataModel:
    return DataModel(id="t", properties={n: kind.json_schema for n, kind in types.items()})


def written(
    folder: Path, rows: Rows, types: Mapping[str, ColumnType], files: int = 1
) -> list[Path]:
    table = pa.table({n: pa.array(rows[n], kind.arrow) for n, kind in types.items()})
    size = -(-table.num_rows // files) or 1
    paths = [folder / f"{number}.parquet" for number in range(files)]
    for number, path in enumerate(paths):
        pq.write_table(table.slice(number * size, size), path)
    return paths


def profile_of(
    folder: Path, rows: Rows, types: Mapping[str, ColumnType], files: int = 1
) -> TableProfile:
    paths = written(folder, rows, types, files)
    return profile_tables({"t": paths}, {"t": model_of(types)})["t"]


def of_column(folder: Path, kind: ColumnType, values: Sequence[Any]) -> ColumnProfile:
    (column,) = profile_of(folder, {"a": values}, {"a": kind}).columns
    return column


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(row, max_size=30), st.integers(1, 3), st.booleans(), st.booleans())
def test_figures_are_those_of_plain_python(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    files: int,
    is_wide: bool,
    is_long: bool,
) -> None:
    table = {name: [one[name] for one in rows] for name in _TYPES}
    with monkeypatch.context() as patch:
        # Tables with more columns than this are asked in another way.
        patch.setattr(profiled_columns, "_WIDE", 4 if is_wide else 100)
        if is_long:
            # Of columns with more values than this, some are looked at first.
            patch.setattr(profiled_keys, "_MANY", 1)
            patch.setattr(profiled_keys, "_SOME", 2)
        profile = profile_of(tmp_path, table, _TYPES, files)

    assert (profile.table, profile.rows, profile.values) == ("t", len(rows), True)
    assert [column.name for column in profile.columns] == list(_TYPES)
    for column in profile.columns:
        check(column, _TYPES[column.name], table[column.name])
    assert TableProfile.from_json(profile.to_json(), "t") == profile


def check(column: ColumnProfile, kind: ColumnType, values: Sequence[Any]) -> None:
    there = [value for value in values if value is not None]
    assert column.type == kind.sql
    assert column.nulls == len(values) - len(there)
    assert not column.distinct_is_approximate
    if kind is ColumnType.JSON:
        check_json(column, there)
    else:
        assert column.distinct == len({_same(value) for value in there})
    if kind is ColumnType.BOOLEAN:
        expected = Counter(str(value).lower() for value in there)
        assert {one.value: one.count for one in column.top} == expected
    elif kind is ColumnType.TEXT:
        check_texts(column, there, there)
    elif kind.item is not None:
        items = [item for one in there for item in one if item is not None]
        if kind is ColumnType.TEXT_LIST:
            check_texts(column, there, items)
        else:
            check_numbers(column, items)
    elif kind is not ColumnType.JSON:
        check_ordered(column, kind, there)


def _same(value: Any) -> Any:
    """A key that equal values have, NaN being equal to itself."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return tuple(map(_same, value)) if isinstance(value, list) else value


def check_numbers(column: ColumnProfile, items: list[float]) -> None:
    """The items of lists are grouped as numbers: NaN is the largest, and there is one zero."""
    keys = [(True, 0.0) if math.isnan(item) else (False, item + 0) for item in items]
    counts = sorted(Counter(keys).items(), key=lambda one: (-one[1], one[0]))
    expected = [(key, count) for key, count in counts[:20]]
    if len(counts) > 20 and counts[0][1] == 1:
        expected = []
    assert [(_key_of(one.value), one.count) for one in column.top] == expected
    assert {_key_of(text) for text in column.examples} <= set(keys)
    assert len(set(column.examples)) == len(column.examples) <= 5
    assert bool(column.examples) == (len(counts) > len(expected))
    assert "-0.0" not in [*column.examples, *(one.value for one in column.top)]


def _key_of(text: str) -> tuple[bool, float]:
    number = float(text)
    return (True, 0.0) if math.isnan(number) else (False, number)


def check_texts(column: ColumnProfile, there: list[Any], texts: list[str]) -> None:
    counts = sorted(Counter(texts).items(), key=lambda one: (-one[1], one[0]))
    expected = [(cut(text), count) for text, count in counts[:20]]
    if len(counts) > 20 and counts[0][1] == 1:
        expected = []
    assert [(one.value, one.count) for one in column.top] == expected
    short = {text for text in texts if len(text) <= 100}
    assert set(column.examples) <= short
    assert len(set(column.examples)) == len(column.examples) <= 5
    assert bool(column.examples) == (bool(short) and len(counts) > len(expected))
    if there:
        lengths = [len(one) for one in there]
        assert column.lengths is not None
        assert (column.lengths.min, column.lengths.max) == (min(lengths), max(lengths))
        assert column.lengths.mean == sum(lengths) / len(lengths)
    else:
        assert column.lengths is None


def check_json(column: ColumnProfile, there: list[str]) -> None:
    parsed = [json.loads(text) for text in there]
    found: Counter[str] = Counter()
    for value in parsed:
        _count_keys(value, (), found)
    assert column.distinct is None
    # Keys are told by dots between them, so different paths may look the same.
    seen: Counter[str] = Counter()
    for key in column.keys:
        seen[key.value] += key.count
    assert seen == found
    if there:
        assert column.shapes is not None
        assert column.shapes.objects == sum(isinstance(value, dict) for value in parsed)
        assert column.shapes.arrays == sum(isinstance(value, list) for value in parsed)
        assert column.shapes.scalars == sum(isinstance(value, str) for value in parsed)


def _count_keys(value: Any, path: tuple[str, ...], found: Counter[str]) -> None:
    if isinstance(value, dict) and len(path) < 3:
        for key, inner in value.items():
            found[".".join((*path, key))] += 1
            _count_keys(inner, (*path, key), found)


def check_ordered(column: ColumnProfile, kind: ColumnType, there: list[Any]) -> None:
    finite = sorted(v for v in there if not isinstance(v, float) or math.isfinite(v))
    nan = sum(1 for v in there if isinstance(v, float) and math.isnan(v))
    assert (column.not_a_number, column.infinite) == (nan, len(there) - len(finite) - nan)
    if not finite:
        assert (column.min, column.max, column.mean, column.histogram) == (None,) * 4
        assert column.quantiles == {}
        return
    assert (_read(column.min, kind), _read(column.max, kind)) == (finite[0], finite[-1])
    for name, share in QUANTILES.items():
        value = _read(column.quantiles[name], kind)
        assert value in finite
        assert sum(other < value for other in finite) <= share * len(finite) + 1e-9
        assert sum(other <= value for other in finite) >= share * len(finite) - 1e-9
    check_mean(column, kind, finite)
    check_histogram(column, kind, finite)


def check_mean(column: ColumnProfile, kind: ColumnType, finite: list[Any]) -> None:
    if kind not in (ColumnType.INTEGER, ColumnType.NUMBER):
        assert column.mean is None
        return
    size = max(abs(value) for value in finite)
    expected = math.fsum(value / len(finite) for value in finite)
    assert column.mean is not None
    assert math.isclose(column.mean, expected, rel_tol=1e-12, abs_tol=size * 1e-15 + 1e-300)


def check_histogram(column: ColumnProfile, kind: ColumnType, finite: list[Any]) -> None:
    histogram = column.histogram
    assert histogram is not None
    assert len(histogram.edges) == len(histogram.counts) + 1 <= 21
    assert histogram.below + sum(histogram.counts) + histogram.above == len(finite)
    # Fewer than one value in twenty is an outlier, on either side.
    assert max(histogram.below, histogram.above) <= len(finite) / 20
    edges = [_number(edge, kind) for edge in histogram.edges]
    assert edges == sorted(edges)
    numbers = [_number(value, kind) for value in finite]
    within = [one for one in numbers if edges[0] <= one <= edges[-1]]
    places = Counter(min(bisect_right(edges, one), len(edges) - 1) - 1 for one in within)
    assert list(histogram.counts) == [places[number] for number in range(len(edges) - 1)]


def _read(value: Any, kind: ColumnType) -> Any:
    if kind is ColumnType.INSTANT:
        assert value.endswith("Z")
        return datetime.fromisoformat(value[:-1])
    return date.fromisoformat(value) if kind is ColumnType.DATE else value


def _number(value: Any, kind: ColumnType) -> Any:
    """A value or an edge as a number; edges may lie beyond Python's calendar."""
    if kind is ColumnType.DATE:
        return _days(str(value))
    if kind is ColumnType.INSTANT:
        text = value.isoformat() if isinstance(value, datetime) else value[:-1]
        day, _, clock = text.partition("T")
        zero, time = (datetime.fromisoformat(f"2000-01-01T{one}") for one in ("00:00", clock))
        return _days(day) * 86_400_000_000 + (time - zero) // timedelta(microseconds=1)
    return value


def _days(text: str) -> int:
    year, month, day = (int(part) for part in text.rsplit("-", 2))
    cycles, year = divmod(year, 400)
    return date(year + 400, month, day).toordinal() + (cycles - 1) * 146_097


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    count = 250_000  # several row groups, which several threads read
    values = [math.sin(n) * 10 ** (n % 40 - 20) for n in range(count)]
    rows = {"number": values, "text": [f"{n * 7919 % count}" for n in range(count)]}
    types = {"number": ColumnType.NUMBER, "text": ColumnType.TEXT}
    table = pa.table({n: pa.array(rows[n], kind.arrow) for n, kind in types.items()})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=10_000)

    found = {
        profile_tables({"t": [tmp_path / "t.parquet"]}, {"t": model_of(types)})["t"].to_json()
        for _ in range(5)
    }

    assert len(found) == 1
    mean = json.loads(found.pop())["columns"][0]["mean"]
    assert math.isclose(mean, math.fsum(values) / count, rel_tol=1e-12)


def test_distinct_values_of_too_many_are_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiled_tables, "_ROOM", 10_000)
    rows = {
        "whole": range(5_000),
        "few": [n % 7 for n in range(5_000)],
        "text": [f"text {n}" for n in range(5_000)],
        "words": [["a", str(n)] for n in range(5_000)],
    }
    types = {
        "whole": ColumnType.INTEGER,
        "few": ColumnType.INTEGER,
        "text": ColumnType.TEXT,
        "words": ColumnType.TEXT_LIST,
    }

    profile = profile_of(tmp_path, rows, types)

    few = profile.columns[1]
    assert (few.distinct, few.distinct_is_approximate) == (7, False)
    for column in (profile.columns[0], *profile.columns[2:]):
        assert column.distinct_is_approximate
        assert 4_000 < (column.distinct or 0) <= 5_000
    for column in profile.columns[2:]:
        assert column.top == ()
        assert len(set(column.examples)) == 5


def test_far_values_do_not_widen_the_bins(tmp_path: Path) -> None:
    column = of_column(tmp_path, ColumnType.INTEGER, [*range(100), -(10**12), 10**15])

    assert column.histogram is not None
    assert column.histogram.edges == tuple(range(0, 105, 5))
    assert column.histogram.counts == (5,) * 20
    assert (column.histogram.below, column.histogram.above) == (1, 1)
    assert (column.min, column.max) == (-(10**12), 10**15)


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, 0])
def test_bins_at_the_ends_of_the_integers(tmp_path: Path, value: int) -> None:
    column = of_column(tmp_path, ColumnType.INTEGER, [value] * 3)

    assert column.histogram is not None
    assert column.histogram.edges == (value, value + 1)
    assert column.histogram.counts == (3,)
    assert column.mean == float(value)


def test_bins_of_instants_begin_at_midnight(tmp_path: Path) -> None:
    start = datetime.fromisoformat("2024-03-01T15:30")
    moments = [start + timedelta(hours=11 * n) for n in range(200)]

    column = of_column(tmp_path, ColumnType.INSTANT, moments)

    assert column.histogram is not None
    assert column.histogram.edges[0] == "2024-03-01T00:00:00Z"
    assert all(str(edge).endswith("T00:00:00Z") for edge in column.histogram.edges)
    assert column.min == "2024-03-01T15:30:00Z"


def test_columns_of_other_writers() -> None:
    connection = duckdb.connect()
    connection.execute(
        """CREATE TABLE odd AS SELECT
            TIMESTAMPTZ '2024-01-01 00:00:00+02' AS zoned, TIMESTAMP_NS '2024-01-01' AS nano,
            TIMESTAMP 'infinity' AS endless, DATE '5000-01-01' + 10000000 AS far,
            DATE '0044-03-15 (BC)' AS early, 1.5::DECIMAL(5,2) AS exact, 3::UTINYINT AS small,
            170141183460469231731687303715884105727::HUGEINT AS huge, 0.5::FLOAT AS single,
            {'a': 1} AS nested, MAP {'a': 1} AS mapped, '\\x01'::BLOB AS bytes,
            TIME '10:00' AS clock,
            [[1, 2], NULL] AS lists, [{'a': 1}] AS records, 'b'::ENUM('a', 'b') AS chosen,
            '00000000-0000-0000-0000-000000000001'::UUID AS id, INTERVAL 1 DAY AS span"""
    )

    profile = profile_relation(connection, "odd", "odd", DataModel(id="odd"))

    found = {column.name: column for column in profile.columns}
    assert all(column.nulls == 0 for column in profile.columns)
    assert found["zoned"].min == "2023-12-31T22:00:00Z"
    assert found["nano"].min == "2024-01-01T00:00:00Z"
    assert (found["endless"].infinite, found["endless"].min) == (1, None)
    assert found["far"].min == "32379-01-27"
    assert found["early"].min == "-0043-03-15"
    assert (found["exact"].mean, found["small"].mean, found["single"].mean) == (1.5, 3.0, 0.5)
    assert found["huge"].mean == float(2**127)
    assert [one.value for one in found["lists"].top] == ["[1, 2]"]
    assert [one.value for one in found["chosen"].top] == ["b"]
    assert [one.count for one in found["id"].top] == [1]
    for name in ("nested", "mapped", "bytes", "clock", "span"):
        assert (found[name].kind, found[name].distinct) == ("other", None)


def test_what_is_no_json_has_no_keys(tmp_path: Path) -> None:
    values = ['{"a": 1}', "{broken", "", ' \n{"a": {"b": NaN}}', '{"c": "\\ud800"}', None]

    column = of_column(tmp_path, ColumnType.JSON, values)

    assert [(one.value, one.count) for one in column.keys] == [("a", 2), ("a.b", 1)]
    assert column.shapes is not None
    assert column.shapes.objects == 4
    assert column.shapes.scalars == 1


def test_rare_keys_are_left_out_and_counted(tmp_path: Path) -> None:
    many = {f"k{n:04d}": {"x": 1} for n in range(600)}
    column = of_column(tmp_path, ColumnType.JSON, [json.dumps(many), '{"k0599": 1}'])

    assert len(column.keys) == 500
    assert column.keys[0].value == "k0599"
    # Of the hundred first keys, what is in them was found, too.
    assert column.keys_left_out == 600 + 100 - 500


@pytest.mark.parametrize("most", [5_000, 40, 4])
def test_keys_are_the_same_however_they_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    # What stands in the first rows is not what is frequent in all.
    first = [json.dumps({"a": {"b": {"c": 1}}, f"x{n}": {"y": {"z": n}}}) for n in range(5)]
    others = [json.dumps({"p": {f"q{n % 9}": {"r": 1}, "a": {}}, "a": {"n": n}}) for n in range(60)]
    monkeypatch.setattr(profiled_keys, "_MOST_LOOKED_INTO", 6)
    monkeypatch.setattr(profiled_keys, "_MOST_OF_A_LEVEL", most)
    at_once = of_column(tmp_path, ColumnType.JSON, first + others)
    monkeypatch.setattr(profiled_keys, "_MANY", 10)

    for some in (1, 5, 20, 100):
        monkeypatch.setattr(profiled_keys, "_SOME", some)
        assert of_column(tmp_path, ColumnType.JSON, first + others) == at_once


def test_columns_that_sql_cannot_tell_apart(tmp_path: Path) -> None:
    types = {"Dose": ColumnType.INTEGER, "dose": ColumnType.TEXT}

    profile = profile_of(tmp_path, {"Dose": [1, 2], "dose": ["a", None]}, types)

    assert [(c.name, c.nulls, c.kind) for c in profile.columns] == [
        ("Dose", 0, "number"),
        ("dose", 1, "text"),
    ]


def test_schema_in_another_order_than_the_file(tmp_path: Path) -> None:
    # So it is in datasets of the releases 0.3 and 0.4.
    paths = written(
        tmp_path, {"a": [1, 2], "b": ["{}", None]}, {"a": ColumnType.INTEGER, "b": ColumnType.TEXT}
    )
    model = model_of({"b": ColumnType.JSON, "c": ColumnType.TEXT})

    found = profile_tables({"t": paths}, {"t": model})["t"]

    assert [(c.name, c.nulls, c.kind) for c in found.columns] == [
        ("a", 0, "number"),
        ("b", 1, "json"),
    ]


def test_names_of_columns_and_folders_are_never_sql(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] *site=3?"
    folder.mkdir()
    names = ["a\"b'; DROP TABLE t; --", "nul\x00", "c0", ""]

    found = profile_of(folder, {n: ["x"] for n in names}, dict.fromkeys(names, ColumnType.TEXT))

    assert [(column.name, column.distinct) for column in found.columns] == [(n, 1) for n in names]


def test_tables_without_files_rows_or_columns() -> None:
    models = {"none": model_of(_TYPES), "bare": DataModel(id="bare")}

    found = profile_tables({}, models)

    assert list(found) == ["none", "bare"]
    assert [(c.name, c.type) for c in found["none"].columns] == [
        (name, kind.sql) for name, kind in _TYPES.items()
    ]
    assert all((profile.rows, profile.columns[0].nulls) == (0, 0) for profile in found.values())


def test_progress_tells_tables(tmp_path: Path) -> None:
    told: list[Progress] = []
    files = {"t": written(tmp_path, {"a": [1]}, {"a": ColumnType.INTEGER})}
    model = model_of({"a": ColumnType.INTEGER})

    profile_tables(files, {"t": model, "empty": model}, progress=told.append)

    assert told == [
        Progress("profile", "t", 0, 2),
        Progress("profile", "empty", 1, 2),
        Progress("profile", None, 2, 2),
    ]


def test_profiles_that_nobody_waits_for_any_more() -> None:
    begun: list[str] = []

    class Models(dict[str, DataModel]):
        def items(self) -> Any:
            for name, model in super().items():
                begun.append(name)
                yield name, model

    model = DataModel(id="t", properties={"a": {"type": "string"}})
    models = Models({f"t{number}": model for number in range(2000)})
    with pytest.raises(KeyError), profiling_ahead({}, models, values=True):
        raise KeyError
    assert len(begun) < 2000


def test_without_values_no_value_is_told(tmp_path: Path) -> None:
    rows: Rows = {"text": ["secret"] * 3, "day": [date(1987, 6, 5)] * 3, "words": [["secret"]] * 3}
    types = {"text": ColumnType.TEXT, "day": ColumnType.DATE, "words": ColumnType.TEXT_LIST}
    paths = written(tmp_path, rows, types)

    found = profile_tables({"t": paths}, {"t": model_of(types)}, values=False)["t"]

    assert not found.values
    assert [(column.nulls, column.distinct) for column in found.columns] == [(0, 1)] * 3
    text = found.to_json().decode()
    assert "secret" not in text
    assert "1987" not in text


def test_nothing_is_left_in_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    with pytest.raises(duckdb.Error):
        profile_tables({"t": [tmp_path / "missing.parquet"]}, {"t": DataModel(id="t")})

    assert list(place.iterdir()) == []
