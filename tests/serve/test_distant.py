"""Datasets in object stores: a table is brought to this machine when it is first asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from fw_dataset import Dataset
from fw_dataset.errors import InvalidArgumentError, StorageUnreachableError, TableNotFoundError
from fw_dataset.serve.copies import LocalFiles
from fw_dataset.serve.queries import Queries, Query, QueryFailedError
from fw_dataset.serve.served import ServedTables
from fw_dataset.serve.settings import Limits
from fw_dataset.storage.memory import MemoryStorage
from tests.serve.conftest import FILES, SUBJECTS, Study
from tests.support.datasets import write_old_version


@pytest.fixture
def distant(study: Study) -> MemoryStorage:
    """The study in a store that DuckDB cannot read itself."""
    storage = MemoryStorage()
    for path in study.path.rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(study.path).as_posix(), path.read_bytes())
    return storage


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


async def rows(queries: Queries, sql: str) -> list[dict[str, Any]]:
    query = await queries.start(sql)
    return await rows_of(query)


async def rows_of(query: Query) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    number: int | None = 0
    while number is not None:
        page = await query.page(number)
        found += json.loads(b"[" + page.data + b"]")
        number = page.next
    return found


def test_only_what_is_asked_for_is_brought(distant: MemoryStorage, tmp_path: Path) -> None:
    async def work() -> None:
        served = ServedTables.of({"study": Dataset(distant)})
        queries = Queries(served, LocalFiles(tmp_path), Limits())
        await queries.open()
        try:
            assert list(tmp_path.iterdir()) == []
            listed = "SELECT table_name FROM information_schema.tables"
            names = {row["table_name"] for row in await rows(queries, listed)}
            assert names == {table.table for table in served}
            assert list(tmp_path.iterdir()) == []
            assert len(await rows(queries, "FROM files")) == SUBJECTS * FILES
            assert len(list(tmp_path.iterdir())) == 1
            assert len(await rows(queries, "FROM sessions_summary")) == SUBJECTS
            assert len(await rows(queries, listed)) == len(names)
            assert len(await rows(queries, "FROM files JOIN subjects ON true")) > 0
        finally:
            await queries.close()

    run(work())


def test_what_was_brought_serves_the_next_server(distant: MemoryStorage, tmp_path: Path) -> None:
    served = ServedTables.of({"study": Dataset(distant)})
    table = served.find("files")
    LocalFiles(tmp_path).bring([table])
    for file in table.files:
        distant.delete(file.key)
    again = LocalFiles(tmp_path)
    assert again.is_here(table)
    again.bring([table])
    assert [again.path(table, file).stat().st_size for file in table.files] == [
        file.size for file in table.files
    ]


def test_a_store_that_fails_fails_the_query_alone(
    distant: MemoryStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        served = ServedTables.of({"study": Dataset(distant)})
        queries = Queries(served, LocalFiles(tmp_path), Limits())
        await queries.open()
        try:
            with monkeypatch.context() as broken:

                def stream(*_: object) -> None:
                    raise StorageUnreachableError("the store at secret://place is away")

                broken.setattr(MemoryStorage, "stream", stream)
                with pytest.raises(QueryFailedError) as caught:
                    await rows(queries, "FROM files")
            assert caught.value.failure.status == 500
            assert "secret" not in str(vars(caught.value.failure))
            assert list(tmp_path.iterdir()) == []
            assert len(await rows(queries, "FROM files")) == SUBJECTS * FILES
        finally:
            await queries.close()

    run(work())


def test_datasets_of_older_releases_are_described_by_their_files(tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.table({"id": ["a"], "size": pa.array([1], pa.int32()), "Weird Name": [1.5]})
    root = tmp_path / "old"
    write_old_version(root, "v1", {"files": table})
    storage = MemoryStorage()
    for path in root.rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(root).as_posix(), path.read_bytes())
    for dataset in (Dataset.open(root), Dataset(storage)):
        found = ServedTables.of({"old": dataset}).find("files")
        assert found.columns == {"id": "VARCHAR", "size": "INTEGER", "Weird Name": "DOUBLE"}
        assert found.data_model["properties"]["size"]["type"] == ["integer", "null"]


def test_names_of_what_is_served(study: Study) -> None:
    one = Dataset.open(study.path)
    served = ServedTables.of({"Ä site": one, "a-site": one, "main": one}, all_versions=True)
    assert list(served.datasets) == ["a_site", "a_site_2", "main_2"]
    assert [v.schema for v in served.datasets["a_site"].versions] == [
        "a_site",
        "a_site_at_v2",
        "a_site_at_v1",
    ]
    assert served.find("A_SITE.FILES").name == "a_site.files"
    with pytest.raises(TableNotFoundError, match="did you mean"):
        served.find("a_site.file")
    with pytest.raises(InvalidArgumentError):
        ServedTables.of({})
    for part in (*served.datasets.values(), *served):
        assert str(study.path) not in repr(part)
