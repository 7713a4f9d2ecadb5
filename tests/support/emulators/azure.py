"""Azure Blob Storage, by Azurite, which checks signatures. It needs Node."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from obstore.store import AzureStore

from tests.support.emulators.base import Emulator, EmulatorMissingError, plain_http
from tests.support.emulators.server_process import ServerProcess

__all__ = ["ACCOUNT", "ACCOUNT_KEY", "AzureEmulator"]

_CHECKOUT = Path(__file__).parents[3]
_VERSION = "2021-12-02"
# Azurite's own account and key, which its manual publishes.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


def _azurite_script() -> Path | None:
    """Azurite as `make test` installs it; None where it did not."""
    installed = sorted(_CHECKOUT.glob(".venv/azurite-*/ready"))
    if not installed or shutil.which("node") is None:
        return None
    return installed[-1].parent / "node_modules/azurite/dist/src/blob/main.js"


class AzureEmulator(Emulator):
    """One storage account; its buckets are containers."""

    kind = "azure"

    def _start(self) -> ServerProcess:
        script = _azurite_script()
        if script is None:
            raise EmulatorMissingError(
                "Azurite, Azure's emulator, is not installed: `make test` does that where there"
                " are Node and npm"
            )
        watch = Path(__file__).with_name("end_with_parent.cjs")
        command = ["node", "--require", str(watch), str(script)]
        options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        place = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]
        return ServerProcess([*command, *options, *place])

    @property
    def endpoint(self) -> str:
        """The account's own address."""
        return f"{super().endpoint}/{ACCOUNT}"

    def make_bucket(self, name: str) -> None:
        self._signed_request("PUT", name, {"restype": "container"})

    def drop_bucket(self, name: str) -> None:
        self._signed_request("DELETE", name, {"restype": "container"})

    def make_folder(self, bucket: str, key: str) -> None:
        kind = {"x-ms-blob-type": "BlockBlob"}
        self._signed_request("PUT", f"{bucket}/{quote(key)}", {}, kind)

    def store(
        self,
        bucket: str,
        prefix: str = "",
        *,
        client_options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> AzureStore:
        return AzureStore(
            bucket,
            prefix=prefix or None,
            account_name=ACCOUNT,
            account_key=ACCOUNT_KEY,
            endpoint=self.endpoint,
            client_options=plain_http(client_options),
            **settings,
        )

    def url(self, bucket: str, prefix: str = "") -> str:
        return f"az://{ACCOUNT}.blob.core.windows.net/{bucket}/{quote(prefix)}".rstrip("/")

    @property
    def credentials(self) -> Mapping[str, Any]:
        return {
            "account_name": ACCOUNT,
            "account_key": ACCOUNT_KEY,
            "endpoint": self.endpoint,
        }

    def _signed_request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """What obstore cannot do, with a shared key and without a body."""
        date = format_datetime(datetime.now(timezone.utc), usegmt=True)
        sent = {**(headers or {}), "x-ms-date": date, "x-ms-version": _VERSION}
        resource = [f"/{ACCOUNT}/{ACCOUNT}/{path}", *[f"{n}:{v}" for n, v in query.items()]]
        # Between the method and our own headers come those that are not sent.
        signed = [method, *[""] * 11, *[f"{n}:{v}" for n, v in sorted(sent.items())], *resource]
        key = base64.b64decode(ACCOUNT_KEY)
        digest = hmac.digest(key, "\n".join(signed).encode(), hashlib.sha256)
        sent["authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        sent["content-length"] = "0"
        self._request(method, f"/{ACCOUNT}/{path}?{urlencode(query)}".rstrip("?"), sent)
