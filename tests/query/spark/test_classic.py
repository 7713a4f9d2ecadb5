"""A classic session, whose Spark runs in the same process, without Spark Connect."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

import fw_dataset
from fw_dataset import render_snapshot
from tests.support.datasets import small_snapshot
from tests.support.spark import spark_python

SCRIPT = """
import json, sys
ours, packages, place, warehouse = sys.argv[1:]
# Behind its own: the tests' environment has Spark's client alone.
sys.path += [ours, packages]
from fw_dataset import Dataset, connect_all
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
session = builder.config("spark.sql.warehouse.dir", warehouse).getOrCreate()
dataset = Dataset.open(place)
for _ in range(2):
    found = dataset.register_spark(session, check=True)
connect_all({"one": place}, engine=session, check=True)
(row,) = session.sql("SELECT count(*), min(dataset) FROM everything.full_table").collect()
print(json.dumps([type(session).__module__, found.name, list(found.views), list(row)]))
session.stop()
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_classic_session(tmp_path: Path) -> None:
    python = spark_python()
    render_snapshot(small_snapshot(tmp_path, subjects=3), tmp_path / "study")
    ours = str(Path(fw_dataset.__file__).parents[1])
    packages = sysconfig.get_path("purelib")

    done = subprocess.run(
        [python, "-c", SCRIPT, ours, packages, str(tmp_path / "study"), str(tmp_path / "lake")],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        "pyspark.sql.session",
        "study",
        ["full_table", "sessions_summary"],
        [3, "one"],
    ]
