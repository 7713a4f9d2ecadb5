"""The emulated stores themselves: they end with whoever started them, and are only missing here."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import obstore
import pytest

from tests.support.emulators import KINDS, Emulators
from tests.support.emulators.server_process import ServerProcess

CHECKOUT = Path(__file__).parents[2]
SCRIPT = """
import sys, time
from tests.support.emulators import Emulators
emulator = Emulators().get(sys.argv[1])
print(emulator.port, flush=True)
time.sleep(600)
"""


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_servers_end_with_a_killed_session(emulators: Emulators, kind: str) -> None:
    emulators.get(kind)  # skips where it is missing
    command = [sys.executable, "-c", SCRIPT, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as session:
        assert session.stdout is not None
        port = int(session.stdout.readline())
        assert is_listening(port)
        session.send_signal(signal.SIGKILL)
    while is_listening(port):  # the test's own limit ends a wait that is in vain
        time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_servers_are_stopped(emulators: Emulators, kind: str) -> None:
    emulators.get(kind)
    others = Emulators()
    emulator = others.get(kind)
    emulator.make_bucket("bucket")
    obstore.put(emulator.store("bucket"), "x", b"content")
    assert obstore.get(emulator.store("bucket"), "x").bytes() == b"content"
    others.stop()

    with pytest.raises(ConnectionRefusedError):
        emulator.make_bucket("another")


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_a_missing_server(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(outcome, match="Azurite"):
        Emulators().get("azure")


def test_a_server_that_does_not_start() -> None:
    code = "import sys; print('begun', flush=True); sys.exit('no such thing')"
    with pytest.raises(RuntimeError, match=r"(?s)begun.*no such thing"):
        ServerProcess([sys.executable, "-c", code])
