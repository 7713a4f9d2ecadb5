"""The certificate of a server on loopback."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["PROXIED", "make_context"]

# The name for which the server is a proxy to itself.
PROXIED = "flywheel.test"


def make_context(authority: Path) -> ssl.SSLContext:
    """What a server needs for TLS; the certificate of its authority goes to a file (PEM)."""
    import trustme

    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost", PROXIED).configure_cert(context)
    return context
