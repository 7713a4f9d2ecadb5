"""Run an emulated site by hand: ``python -m tests.flywheel_server SNAPSHOT…``."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path
from urllib.parse import quote

from tests.flywheel_server import FlywheelServer, Site


def main() -> None:
    """Serve until interrupted."""
    given = _parser().parse_args()
    site = Site()
    site.add_key(given.key)
    for snapshot in given.snapshots:
        project = site.add_project(snapshot=snapshot, files=given.files)
        project.add_snapshot()
        _say(f"project {project.group}/{project.label}: {project.id}")
    if given.storage_root is not None:
        root = given.storage_root.resolve()
        config = {"path": str(root)}
        storage = site.add_storage(
            "local", type="fs", config=config, url=f"fs://{quote(str(root))}"
        )
        _say(f"storage at {root}: {storage.id}")
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell may have had one ignored, for what runs in its background.
        signal.signal(number, signal.default_int_handler)
    server = FlywheelServer(site, tls=given.tls, port=given.port)
    with contextlib.suppress(KeyboardInterrupt), server:
        _say(f"listens on {server.url}")
        for name, value in server.tls_environment().items():
            _say(f"export {name}={value}")
        _say(f"key for clients: {server.api_key(given.key)}")
        _say(f"key for the SDK: {server.sdk_key(given.key)}")
        while True:
            # A signal that comes just before one sleeps is seen only when one wakes.
            time.sleep(0.2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.flywheel_server", description=__doc__)
    parser.add_argument("snapshots", nargs="+", type=Path, metavar="SNAPSHOT")
    parser.add_argument("--files", type=Path, help="a folder of files as {file_id}/{name}")
    parser.add_argument("--storage-root", type=Path, help="a folder to be a storage")
    parser.add_argument("--key", default="KEY", help="the API key to let in")
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--tls", action="store_true", help="speak HTTPS")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
