"""An environment in which no cloud is known: neither a developer's own, nor the machine's."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

__all__ = ["know_no_cloud"]

# Nothing listens there: who asks is refused at once.
_NOBODY = "127.0.0.1:1"
_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_")
_METADATA = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{_NOBODY}",
    "AWS_METADATA_ENDPOINT": f"http://{_NOBODY}",
    "AZURE_MSI_ENDPOINT": f"http://{_NOBODY}",
    "GCE_METADATA_HOST": _NOBODY,
    "GCE_METADATA_IP": _NOBODY,
    "GCE_METADATA_ROOT": _NOBODY,
}


def know_no_cloud(environment: MutableMapping[str, str]) -> None:
    """Forget all credentials, and ask for the machine's own where nobody answers.

    Loopback is asked without a detour through a proxy.
    """
    for name in [name for name in environment if name.upper().startswith(_PREFIXES)]:
        del environment[name]
    environment.update(_METADATA)
    for name in ("NO_PROXY", "no_proxy"):
        others = environment.get(name)
        environment[name] = ",".join(["127.0.0.1", "localhost", *([others] if others else [])])
