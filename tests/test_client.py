"""Opening datasets by the kind of storage, as scripts of the older releases do."""

from __future__ import annotations

import inspect
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pytest

from fw_dataset import FWDatasetClient
from fw_dataset.errors import DatasetNotFoundError, UnsupportedLocationError
from tests.support.datasets import write_old_version

PREFIX = "datasets/flywheel.test/lab/123"


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    write_old_version(tmp_path / PREFIX, "v1", {"subjects": pa.table({"id": ["a"]})})
    write_old_version(tmp_path, "root", {"subjects": pa.table({"id": ["a", "b"]})})
    return tmp_path


@pytest.mark.parametrize("fs_type", ["fs", "local", "file"])
@pytest.mark.parametrize("prefix", [PREFIX, f"{PREFIX}/", f"/{PREFIX}", PurePosixPath(PREFIX)])
def test_bucket_and_prefix(bucket: Path, fs_type: str, prefix: str) -> None:
    for root in (bucket, str(bucket), f"{bucket}/"):
        dataset = FWDatasetClient.get_dataset_from_filesystem(fs_type, root, prefix)
        assert dataset.version == "v1"
        assert dataset.execute("select count(*) from subjects").fetchall() == [(1,)]


def test_the_old_spelling(bucket: Path) -> None:
    client = FWDatasetClient("flywheel.test:key")
    dataset = client.get_dataset_from_filesystem("fs", str(bucket), PREFIX, {})
    assert dataset.version == "v1"
    named = FWDatasetClient.get_dataset_from_filesystem(
        fs_type="fs", bucket=str(bucket), prefix=PREFIX, credentials=None
    )
    assert named.version == "v1"
    parameters = list(inspect.signature(client.get_dataset_from_filesystem).parameters)
    assert parameters == ["fs_type", "bucket", "prefix", "credentials"]


@pytest.mark.parametrize("prefix", ["", None, "/"])
def test_no_prefix(bucket: Path, prefix: str | None) -> None:
    dataset = FWDatasetClient.get_dataset_from_filesystem("fs", bucket, prefix)
    assert dataset.version == "root"


def test_no_dataset(bucket: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="nosuch"):
        FWDatasetClient.get_dataset_from_filesystem("fs", bucket, "nosuch")
    assert not (bucket / "nosuch").exists()


def test_another_type(bucket: Path) -> None:
    secret = {"key": "hush-hush"}
    with pytest.raises(UnsupportedLocationError, match=r"'nfs'.*'fs'.*'local'") as caught:
        FWDatasetClient.get_dataset_from_filesystem("nfs", bucket, PREFIX, secret)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(FWDatasetClient.get_dataset_from_filesystem("fs", bucket, "", secret))
