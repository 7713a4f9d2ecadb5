"""Credentials as people give them; none of them opens anything."""

from __future__ import annotations

import base64

__all__ = ["ACCOUNT", "AZURE", "AZURE_KEY", "KEYS", "SAS"]

KEYS = {"access_key_id": "AKID", "secret_access_key": "se/cr+et=="}
AZURE_KEY = base64.b64encode(b"k" * 63 + b"\xff").decode()
SAS = "sv=2030-01-01&sp=rl&sig=a%2Bb%2Fc%3D"
ACCOUNT = {
    "gcs_base_url": "http://127.0.0.1:9",
    "disable_oauth": True,
    "client_email": "",
    "private_key": "",
    "private_key_id": "",
}
AZURE = "az://acc.blob.core.windows.net/box"
