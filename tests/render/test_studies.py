"""Two real studies: every record is there again, and all of them are counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fw_dataset.format.tables import PRIMARY_CONTAINERS, primary_table
from fw_dataset.snapshot import open_snapshot
from tests.support.rebuilding import assert_rebuilt
from tests.support.rendering import render_batches
from tests.support.shared_data import STUDIES, shared


@pytest.mark.parametrize("study", STUDIES)
def test_every_record_is_rebuilt(study: str, tmp_path: Path) -> None:
    counts = json.loads(shared("data", study, "counts.json").read_text())
    with open_snapshot(shared("data", study, "snapshot.db.gz"), tmp_path) as snapshot:
        for name, container in PRIMARY_CONTAINERS.items():
            records = list(snapshot.records(container, primary_table(name).order))
            texts = [data for _, data in records]

            rendered = render_batches(name, [texts[i : i + 300] for i in range(0, len(texts), 300)])

            rows = rendered.rows
            assert len(rows) == counts[container]
            for (key, source), row in zip(records, rows, strict=True):
                assert source is not None
                assert row["id"] == key
                assert_rebuilt(name, source, row)
            assert rendered.report.skipped == []
            assert rendered.report.unfit == {}
