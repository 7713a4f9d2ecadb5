"""The program that serves Sail on a free port."""

from __future__ import annotations

import os
import sys

from pysail.spark import SparkConnectServer


def main() -> None:
    """Serve until the parent is gone, which ends the standard input."""
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    assert address is not None
    sys.stdout.write(f"listens on http://127.0.0.1:{address[1]}\n")
    sys.stdout.flush()
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
