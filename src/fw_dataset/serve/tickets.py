"""What the addresses of further pages hold: signed, so that none can be made up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from itertools import count

__all__ = ["Tickets"]

_NUMBER, _NONCE, _SIGNATURE = 8, 4, 16


class Tickets:
    """Numbers as texts that only this object makes and reads; no two of them are the same."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._nonces = count()

    def write(self, purpose: str, number: int) -> str:
        """A text for a number.

        Args:
            purpose: what it counts; it is good for nothing else.
            number: 0 or more.
        """
        nonce = next(self._nonces) % (1 << 8 * _NONCE)
        content = number.to_bytes(_NUMBER, "big") + nonce.to_bytes(_NONCE, "big")
        signed = content + self._signature(purpose, content)
        return base64.urlsafe_b64encode(signed).decode().rstrip("=")

    def read(self, purpose: str, text: str) -> int | None:
        """The number, or None where the text was not made here for this purpose."""
        try:
            signed = base64.b64decode(text.encode("ascii") + b"==", b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        content, signature = signed[: _NUMBER + _NONCE], signed[_NUMBER + _NONCE :]
        if not hmac.compare_digest(signature, self._signature(purpose, content)):
            return None
        return int.from_bytes(content[:_NUMBER], "big")

    def _signature(self, purpose: str, content: bytes) -> bytes:
        whole = purpose.encode("utf-8", "surrogatepass") + b"\0" + content
        return hmac.new(self._key, whole, hashlib.sha256).digest()[:_SIGNATURE]
