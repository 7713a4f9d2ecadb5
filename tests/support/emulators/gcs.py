"""Google Cloud Storage: its XML API, which obstore speaks, put before moto's S3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from obstore.store import GCSStore

from tests.support.emulators.base import plain_http
from tests.support.emulators.moto import MotoEmulator

__all__ = ["GCSEmulator"]


class GCSEmulator(MotoEmulator):
    """One project; it asks for no token."""

    kind = "gcs"

    def store(
        self,
        bucket: str,
        prefix: str = "",
        *,
        client_options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> GCSStore:
        return GCSStore(
            bucket,
            prefix=prefix or None,
            service_account_key=json.dumps(self._account),
            client_options=plain_http(client_options),
            **settings,
        )

    def url(self, bucket: str, prefix: str = "") -> str:
        return f"gs://{bucket}/{quote(prefix)}".rstrip("/")

    @property
    def credentials(self) -> Mapping[str, Any]:
        return {"application_credentials": json.dumps(self._account)}

    @property
    def _account(self) -> Mapping[str, Any]:
        return {
            "gcs_base_url": self.endpoint,
            "disable_oauth": True,
            "client_email": "",
            "private_key": "",
            "private_key_id": "",
        }
