"""A place in an emulated store: what is there, and whether it is a whole dataset."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore

from fw_dataset.storage import Storage, open_storage
from fw_dataset.versions.catalog import Catalog
from tests.support.emulators import Emulator

__all__ = ["StorePlace", "start_rendering"]

_CHECKOUT = Path(__file__).parents[2]
_RENDER = """
import json, sys
from fw_dataset import render_snapshot
choices = json.load(sys.stdin)
try:
    print(render_snapshot(**choices).version)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@dataclass(frozen=True)
class StorePlace:
    """A prefix of a bucket, spoken to directly or by way of a proxy.

    Attributes:
        emulator: the store.
        bucket: the bucket.
        prefix: the dataset's place in it.
    """

    emulator: Emulator
    bucket: str
    prefix: str

    def by_way_of(self, port: int) -> StorePlace:
        """The same place, spoken to by way of a proxy."""
        return StorePlace(self.emulator.at(port), self.bucket, self.prefix)

    def beside(self, name: str) -> StorePlace:
        """Another place in the bucket."""
        return StorePlace(self.emulator, self.bucket, f"{self.prefix}-{name}")

    @property
    def url(self) -> str:
        """The place as people write it."""
        return self.emulator.url(self.bucket, self.prefix)

    @property
    def credentials(self) -> dict[str, Any]:
        """What opens it."""
        return dict(self.emulator.credentials)

    @property
    def storage(self) -> Storage:
        """Our storage over it."""
        return open_storage(self.url, self.credentials)

    def content(self) -> dict[str, bytes]:
        """All objects, as the store's own client gives them."""
        store = self.emulator.store(self.bucket, self.prefix)
        keys = [item["path"] for batch in obstore.list(store) for item in batch]
        return {key: bytes(obstore.get(store, key).bytes()) for key in keys}

    def whole_versions(self) -> list[str]:
        """The ids of the versions; each has the files of its manifest, and no others.

        Raises:
            AssertionError: a version lacks a file, or there is one that belongs to none.
        """
        content = self.content()
        versions = {
            key.split("/")[1] for key in content if key.endswith("/dataset_description.json")
        }
        expected = {"README.md"} if versions else set()
        for version in versions:
            root = f"versions/{version}"
            manifest = json.loads(content[f"{root}/provenance/manifest.json"])
            for entry in manifest["files"]:
                data = content[f"{root}/{entry['path']}"]
                assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["path"]
            expected |= {f"{root}/{entry['path']}" for entry in manifest["files"]}
            expected |= {
                f"{root}/provenance/{name}.json" for name in ("manifest", "dataset_description")
            }
        assert set(content) - expected == set(), "left behind"
        assert {one.id for one in Catalog(self.storage).versions()} == versions
        return sorted(versions)


def start_rendering(place: StorePlace, snapshot: Path, **choices: Any) -> subprocess.Popen[str]:
    """Render in a process of its own, which prints the version or ends with the error."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RENDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=_CHECKOUT,
    )
    assert process.stdin is not None
    given = {"snapshot": str(snapshot), "destination": place.url, "credentials": place.credentials}
    process.stdin.write(json.dumps(given | choices))
    process.stdin.close()
    process.stdin = None
    return process


def ended(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """What processes wrote; errors included."""
    return ["".join(process.communicate()) for process in processes]
