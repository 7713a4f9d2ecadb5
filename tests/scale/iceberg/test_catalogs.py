"""Tables in catalogs of others: a real one in SQLite, and AWS Glue, emulated."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import LongType, NestedField

from fw_dataset import Dataset, publish_iceberg
from fw_dataset.errors import PublishingError
from tests.scale.iceberg.published import ours, render_versions, tags, theirs
from tests.support.datasets import PRIMARY, copy_of, tree
from tests.support.emulators import Emulators


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    list(render_versions(folder, {"v1": 1, "v2": 2}))
    return folder / "out"


@pytest.fixture
def dataset(two: Path, tmp_path: Path) -> Dataset:
    return Dataset.open(copy_of(two, tmp_path / "dataset"))


@contextmanager
def opened(folder: Path, **more: str) -> Iterator[SqlCatalog]:
    found = SqlCatalog("lab", uri=f"sqlite:///{folder}/catalog.db", **more)
    try:
        yield found
    finally:
        found.engine.dispose()


@contextmanager
def catalog_in(folder: Path) -> Iterator[SqlCatalog]:
    (folder / "warehouse").mkdir(exist_ok=True)
    with opened(folder, warehouse=f"file://{folder}/warehouse") as found:
        yield found


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    with catalog_in(tmp_path) as found:
        yield found


def test_all_tables_and_both_versions(dataset: Dataset, catalog: SqlCatalog) -> None:
    before = tree(Path(dataset.location))
    first = publish_iceberg(dataset, version="v1", catalog=catalog)
    second = publish_iceberg(dataset, catalog=catalog)
    third = publish_iceberg(dataset, catalog=catalog)

    assert first.place == "lab.study"
    assert [{one.state for one in done.tables} for done in (first, second, third)] == [
        {"published"},
        {"published"},
        {"unchanged"},
    ]
    assert sorted(name for _, name in catalog.list_tables("study")) == sorted(PRIMARY)
    for one in second.tables:
        table = catalog.load_table(("study", one.name))
        assert list(tags(table)) == ["v1", "v2"]
        assert theirs(table) == theirs(table, "v2") == ours(dataset, one.name)
        assert theirs(table, "v1") == ours(dataset, one.name, "v1")
        assert table.metadata_location == one.metadata_location
        assert table.properties["gc.enabled"] == "false"
    # Nothing was copied, and nothing was written beside the dataset.
    assert tree(Path(dataset.location)) == before


def test_a_table_in_an_instant(dataset: Dataset, catalog: SqlCatalog, tmp_path: Path) -> None:
    """A new table has its rows from the beginning: there is no commit before the first."""
    publish_iceberg(dataset, catalog=catalog, namespace="lab", tables=["subjects"])

    table = catalog.load_table("lab.subjects")
    assert len(table.metadata.snapshots) == 1
    assert len(list((tmp_path / "warehouse").rglob("*.metadata.json"))) == 1


def test_a_catalog_by_its_name(
    dataset: Dataset, catalog: SqlCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYICEBERG_CATALOG__LAB__URI", f"sqlite:///{tmp_path}/catalog.db")
    monkeypatch.setenv("PYICEBERG_CATALOG__LAB__WAREHOUSE", f"file://{tmp_path}/warehouse")
    from pyiceberg import catalog as module
    from pyiceberg.utils.config import Config

    monkeypatch.setattr(module, "_ENV_CONFIG", Config())
    publish_iceberg(dataset, catalog="lab", tables=["subjects"])

    assert theirs(catalog.load_table("study.subjects")) == ours(dataset, "subjects")
    with pytest.raises(PublishingError, match="the catalog 'none'"):
        publish_iceberg(dataset, catalog="none")


def test_publishers_at_the_same_time(dataset: Dataset, catalog: SqlCatalog, tmp_path: Path) -> None:
    def publish(version: str) -> None:
        with catalog_in(tmp_path) as own:
            publish_iceberg(
                Dataset.open(dataset.location), version=version, catalog=own, tables=["subjects"]
            )

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(publish, version) for version in ("v1", "v2", "v1")]
    assert [one.exception() for one in done] == [None] * 3
    table = catalog.load_table("study.subjects")
    assert sorted(tags(table)) == ["v1", "v2"]
    assert theirs(table) == ours(dataset, "subjects", "v2")


def test_glue_which_athena_reads(
    emulators: Emulators, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyiceberg.catalog.glue import GlueCatalog

    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("SESSION_TOKEN", "c")):
        monkeypatch.setenv(f"AWS_{name}", value)
    glue = GlueCatalog(
        "athena",
        **{
            "glue.endpoint": emulators.get("s3").endpoint,
            "glue.region": "us-east-1",
            "warehouse": f"file://{tmp_path}/warehouse",
        },
    )
    for version in ("v1", "v2"):
        publish_iceberg(dataset, version=version, catalog=glue, namespace="lab", tables=["files"])
    again = publish_iceberg(dataset, catalog=glue, namespace="lab", tables=["files"])

    table = glue.load_table("lab.files")
    assert again.tables[0].state == "unchanged"
    assert theirs(table) == ours(dataset, "files")
    assert theirs(table, "v1") == ours(dataset, "files", "v1")


def test_a_table_of_somebody_else(dataset: Dataset, catalog: SqlCatalog) -> None:
    catalog.create_namespace("study")
    catalog.create_table("study.subjects", Schema(NestedField(1, "a", LongType(), required=False)))
    before = catalog.load_table("study.subjects").metadata

    with pytest.raises(PublishingError, match="a table 'subjects' already, of no dataset"):
        publish_iceberg(dataset, catalog=catalog)
    assert catalog.load_table("study.subjects").metadata == before


def test_a_catalog_without_a_place_for_tables(dataset: Dataset, tmp_path: Path) -> None:
    message = "the catalog 'lab' does not do it: "
    with opened(tmp_path) as catalog, pytest.raises(PublishingError, match=message) as error:
        publish_iceberg(dataset, catalog=catalog)
    assert "\n" not in str(error.value)


def test_a_catalog_that_fails_tells_no_password(dataset: Dataset, catalog: SqlCatalog) -> None:
    class Failing(SqlCatalog):
        def load_table(self, identifier: object) -> Table:
            raise OSError(f"no route to postgresql://me:hunter2@host/db\nfor {identifier}")

    failing = Failing("lab", **catalog.properties)
    try:
        with pytest.raises(PublishingError, match=r"postgresql://…@host/db for \('study'") as error:
            publish_iceberg(dataset, catalog=failing)
    finally:
        failing.engine.dispose()
    assert "hunter2" not in str(error.value)
    assert error.value.__suppress_context__
