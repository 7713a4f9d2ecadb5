"""Azure keeps the contract."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from obstore.store import AzureStore

from fw_dataset.errors import StorageDeniedError
from fw_dataset.storage.objects import ObjectStorage
from tests.contract.cloud_contract import CloudContract
from tests.contract.fault_contract import CALLS, Place
from tests.support.emulators.azure import ACCOUNT, ACCOUNT_KEY


class TestAzure(CloudContract):
    kind = "azure"
    secrets = (ACCOUNT_KEY,)
    # Azurite stores a backslash as a slash.
    not_held = frozenset({"back\\slash"})

    @pytest.mark.parametrize("name", CALLS)
    def test_the_wrong_key(self, place: Place, source: Path, name: str) -> None:
        """This emulator checks signatures."""
        place.storage().put("folder/x", b"content")
        wrong = base64.b64encode(b"wrong" * 10).decode()
        store = AzureStore(
            place.bucket,
            account_name=ACCOUNT,
            account_key=wrong,
            endpoint=place.emulator.endpoint,
            client_options={"allow_http": True},
        )
        storage = ObjectStorage(store, "az://here", "here", "the given keys")
        with pytest.raises(StorageDeniedError, match="az://here") as caught:
            CALLS[name](storage, source)

        self.check_error(caught.value)
        assert wrong not in str(caught.value)
