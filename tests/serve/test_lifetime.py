"""From the start of a server to its end, however that comes."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fw_dataset import Dataset
from fw_dataset.serve.app import create_app
from fw_dataset.serve.copies import LocalFiles
from fw_dataset.serve.logs import JsonFormatter
from fw_dataset.serve.served import ServedTables
from fw_dataset.serve.service import Service
from fw_dataset.serve.settings import Settings
from tests.serve.conftest import Study
from tests.serve.server import Server, running
from tests.serve.test_limits import SLOW, until

WORK = ".fw-dataset-work-*"


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def busy(server: Server) -> list[int]:
    """Have a query run, and a result kept; the processes of queries."""
    server.search("SELECT * FROM range(5000)")
    threading.Thread(target=lambda: _ignored(server), daemon=True).start()
    until(lambda: server.metric("queries_running") == 1)
    found = server.children()
    assert found
    return found


def _ignored(server: Server) -> None:
    with suppress(OSError, ValueError, http.client.HTTPException):  # the server ends meanwhile
        server.search(SLOW)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_it_ends_when_asked_to(study: Study, tmp_path: Path, number: int, code: int) -> None:
    with running(study.path, environment={"TMPDIR": str(tmp_path)}) as server:
        processes = busy(server)
        assert len(list(tmp_path.glob(WORK))) == 1
        began = time.monotonic()
        assert server.stop(number) == code
        assert time.monotonic() - began < 10
        until(lambda: all(map(is_gone, processes)))
        assert list(tmp_path.iterdir()) == []
        assert "Traceback" not in server.log.read_text()


def test_after_a_kill_nothing_stays(study: Study, tmp_path: Path) -> None:
    environment = {"TMPDIR": str(tmp_path)}
    with running(study.path, environment=environment) as server:
        processes = busy(server)
        server.stop(signal.SIGKILL)
        until(lambda: all(map(is_gone, processes)))
        left = list(tmp_path.glob(WORK))
        assert len(left) == 1
        assert all(one.name == "in-use.lock" for one in left[0].iterdir())
    with running(study.path, environment=environment):
        assert not left[0].exists()


def test_a_process_that_dies_takes_one_query_with_it(study: Study) -> None:
    with running(study.path, "--max-queries", "1") as server:
        (process,) = busy(server)
        os.kill(process, signal.SIGKILL)
        assert server.rows("SELECT 1 AS a") == [{"a": 1}]


def test_processes_know_no_secrets(study: Study) -> None:
    token = "a-token-that-is-long-enough"
    secrets = {"FW_DATASET_TOKENS": token, "AWS_SECRET_ACCESS_KEY": "x" * 20}
    with running(study.path, environment=secrets, token=token) as server:
        (process,) = server.children()
        environment = Path(f"/proc/{process}/environ").read_bytes()
        assert token.encode() not in environment
        assert b"x" * 20 not in environment
        assert token.encode() not in Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "70000"),
        (["--version", "v9"], "no version 'v9'"),
        (["--cert", __file__], "both --cert and --key"),
        (["--token-file", "/nowhere"], "/nowhere"),
        (["--public-url", "data.example.org"], "begins with https://"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(study: Study, arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "fw_dataset", "serve", str(study.path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_examples_of_its_help(study: Study, tmp_path: Path) -> None:
    if shutil.which("openssl") is None or shutil.which("bash") is None:
        pytest.skip("an example makes its token with openssl")
    for name in ("my-dataset", "other-dataset"):
        (tmp_path / name).symlink_to(study.path)
    program = tmp_path / "fw-dataset"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fw_dataset "$@" --port 0\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shown = subprocess.run(
        [sys.executable, "-m", "fw_dataset", "serve", "--help"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.replace("\\\n", "")  # fmt: skip
    examples = [line.strip()[2:] for line in shown.splitlines() if line.startswith("    $ ")]
    assert len(examples) == 4
    for example in examples:
        command = f"exec {example}" if example.startswith("fw-dataset") else example
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        if "fw-dataset serve" in example:
            assert process.stdout.readline().startswith("serving at http")
            process.terminate()
        process.wait(60)
        process.stdout.close()


def test_a_port_that_is_taken(study: Study, server: Server) -> None:
    port = server.url.rpartition(":")[2]
    command = [sys.executable, "-m", "fw_dataset", "serve", str(study.path), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in done.stderr


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_it_is_said_what_to_install(study: Study, missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"sys.argv = ['fw-dataset', 'serve', {str(study.path)!r}]\n"
        "from fw_dataset.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "pip install 'fw-dataset[serve]'" in done.stderr
    assert missing in done.stderr


def test_what_nobody_thought_of_is_an_error_without_its_text(
    study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Request) -> Response:
        raise RuntimeError("Jane Doe")

    served = ServedTables.of({"study": Dataset.open(study.path)})
    app = create_app(served, LocalFiles(tmp_path), Settings(), [Route("/x", broken)])
    messages: list[Any] = []

    async def ask() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        headers = [(b"host", b"localhost")]
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/x", "headers": headers}
        scope |= {"query_string": b"", "scheme": "http", "server": ("localhost", 80)}
        await app(scope, receive, send)

    with pytest.raises(RuntimeError):
        asyncio.run(ask())
    assert messages[0]["status"] == 500
    assert json.loads(messages[1]["body"])["errors"][0]["title"] == "the server failed"
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any('"RuntimeError"' in line and "broken:" in line for line in lines)
    assert not any("Jane" in line for line in lines)


def test_a_system_without_landlock_is_told_of(
    study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = ServedTables.of({"study": Dataset.open(study.path)})
    app = create_app(served, LocalFiles(tmp_path), Settings())

    async def open_and_close() -> None:
        service: Service = app.state.service
        service.queries.open = service.queries.close = _nothing  # type: ignore[method-assign]
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(open_and_close())
    assert "no Landlock" in caplog.text


async def _nothing() -> None:
    pass
