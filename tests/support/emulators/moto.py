"""What S3 and Google Cloud Storage have in common here: moto."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

import obstore

from tests.support.emulators.base import Emulator
from tests.support.emulators.server_process import ServerProcess

__all__ = ["MotoEmulator"]

# Nobody may delete; who it is does not matter.
_SOMEBODY = {
    "authorization": (
        "AWS4-HMAC-SHA256 Credential=somebody/20200101/us-east-1/s3/aws4_request,"
        " SignedHeaders=host, Signature=any"
    )
}


class MotoEmulator(Emulator):
    """A server that checks no signature."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__(port)
        self._folders: set[tuple[str, str]] = set()

    def _start(self) -> ServerProcess:
        program = Path(__file__).with_name("moto_server.py")
        # Isolated: neither this folder nor the checkout may shadow what it imports.
        return ServerProcess([sys.executable, "-I", str(program), self.kind])

    def make_bucket(self, name: str) -> None:
        self._request("PUT", f"/{name}")

    def drop_bucket(self, name: str) -> None:
        # obstore would leave out the slash at their end.
        for bucket, key in [folder for folder in self._folders if folder[0] == name]:
            self._request("DELETE", f"/{bucket}/{quote(key)}", _SOMEBODY)
        store = self.store(name)
        for batch in obstore.list(store):
            obstore.delete(store, [item["path"] for item in batch])
        self._request("DELETE", f"/{name}")

    def make_folder(self, bucket: str, key: str) -> None:
        self._request("PUT", f"/{bucket}/{quote(key)}")
        self._folders.add((bucket, key))
