"""S3, by moto. It checks no signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from obstore.store import S3Store

from tests.support.emulators.base import plain_http
from tests.support.emulators.moto import MotoEmulator

__all__ = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "S3Emulator"]

ACCESS_KEY_ID = "AKIATESTINGTESTING00"
SECRET_ACCESS_KEY = "test/secret+of/s3=="
_REGION = "us-east-1"


class S3Emulator(MotoEmulator):
    """One region."""

    kind = "s3"

    def store(
        self,
        bucket: str,
        prefix: str = "",
        *,
        client_options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> S3Store:
        return S3Store(
            bucket,
            prefix=prefix or None,
            endpoint=self.endpoint,
            access_key_id=ACCESS_KEY_ID,
            secret_access_key=SECRET_ACCESS_KEY,
            region=_REGION,
            client_options=plain_http(client_options),
            **settings,
        )

    def url(self, bucket: str, prefix: str = "") -> str:
        return f"s3://{bucket}/{quote(prefix)}".rstrip("/")

    @property
    def credentials(self) -> Mapping[str, Any]:
        return {
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
            "region": _REGION,
            "endpoint": self.endpoint,
        }
