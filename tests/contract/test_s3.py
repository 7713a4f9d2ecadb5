"""S3 keeps the contract."""

from __future__ import annotations

from tests.contract.cloud_contract import CloudContract
from tests.support.emulators.s3 import SECRET_ACCESS_KEY


class TestS3(CloudContract):
    kind = "s3"
    secrets = (SECRET_ACCESS_KEY,)
