"""Google Cloud Storage keeps the contract."""

from __future__ import annotations

from tests.contract.cloud_contract import CloudContract


class TestGCS(CloudContract):
    kind = "gcs"
    secrets = ("private_key",)
