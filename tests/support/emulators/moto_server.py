"""The program of the S3 and GCS emulators: ``s3`` or ``gcs``, on a free port."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# Moto looks for somebody here, but not whether the signature is right.
_SOMEBODY = (
    "AWS4-HMAC-SHA256 Credential=somebody/20200101/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=any"
)
_TO_S3 = {
    "HTTP_X_GOOG_COPY_SOURCE": "HTTP_X_AMZ_COPY_SOURCE",
    "HTTP_X_GOOG_USER_PROJECT": "HTTP_X_AMZ_REQUEST_PAYER",
}


def as_gcs(application: _Application) -> _Application:
    """Google's XML API in terms of S3's, which it was made after."""

    def translated(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.pop("HTTP_X_GOOG_IF_GENERATION_MATCH", None) == "0":
            environ["HTTP_IF_NONE_MATCH"] = "*"
        for name in [name for name in environ if name.startswith("HTTP_X_GOOG_")]:
            value = environ.pop(name)
            environ[_TO_S3.get(name, name.replace("X_GOOG_META_", "X_AMZ_META_"))] = value
        environ["HTTP_AUTHORIZATION"] = _SOMEBODY
        # Moto takes the bucket's name as it came, and obstore writes its dashes as %2D.
        _, bucket, *rest = environ["RAW_URI"].split("/", 2)
        environ["RAW_URI"] = "/".join(["", unquote(bucket), *rest])

        def answer(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            changed = [(n.lower().replace("x-amz-", "x-goog-"), value) for n, value in headers]
            return start_response(status, [*changed, ("x-goog-generation", "1")], *rest)

        return application(environ, answer)

    return translated


def end_with_parent() -> None:
    """End with the end of the standard input, which comes when the parent is gone."""
    while os.read(0, 1):
        pass
    os._exit(0)


def main(kind: str) -> None:
    """Serve until the parent is gone."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application: Any = DomainDispatcherApplication(create_backend_app)
    if kind == "gcs":
        application = as_gcs(application)
    server = make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler
    )
    sys.stdout.write(f"listens on http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
