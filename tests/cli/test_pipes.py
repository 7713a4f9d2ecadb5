"""The command among other programs: pipes that close, signals, encodings, full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.commands import (
    COMMAND,
    TIMEOUT,
    environment,
    files_below,
    fw_dataset_process,
)

MANY = "SELECT i, repeat('x', 100) AS t FROM range(200000000) AS r(i)"
ENDLESS = "SELECT sum(a.i * b.i) FROM range(10000000) AS a(i), range(10000000) AS b(i)"
FORMATS = ("csv", "json", "ndjson", "parquet", "arrow")
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )


@pytest.mark.parametrize("form", FORMATS)
def test_reader_that_has_seen_enough(form: str, dataset: Path) -> None:
    with start("query", dataset, MANY, "--format", form) as process:
        assert process.stdout is not None
        assert process.stderr is not None

        assert process.stdout.read(100)
        process.stdout.close()

        assert process.stderr.read() == b""
        assert process.wait(TIMEOUT) == 0


@pytest.mark.parametrize(
    "arguments", [["query", "FROM files"], ["tables"], ["schema", "files"], ["versions"]]
)
def test_reader_that_never_reads(arguments: list[str], dataset: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    command, *more = arguments

    done = subprocess.run(
        [*COMMAND, command, str(dataset), *more],
        check=False,
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=TIMEOUT,
    )
    os.close(theirs)

    # How many rows there were may still be said; nothing else.
    assert [line for line in done.stderr.decode().splitlines() if "100 rows" not in line] == []
    assert done.returncode == 0


def shell(script: str, dataset: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which $F is the command and $D the dataset."""
    return subprocess.run(
        ["bash", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env=environment(F=" ".join(COMMAND), D=str(dataset), **env),
        timeout=TIMEOUT,
    )


@pytest.mark.parametrize("command", ["query $D 'FROM files' --format csv", "tables $D", "--help"])
def test_closed_standard_output(command: str, dataset: Path) -> None:
    before = files_below(dataset)

    done = shell(f"$F {command} >&-", dataset)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert files_below(dataset) == before


def test_closed_standard_error(dataset: Path) -> None:
    good = shell("$F query $D 'SELECT 1 AS a' 2>&-", dataset)
    bad = shell("$F query $D 'SELEC' 2>&-", dataset)
    none = shell("$F query $D 'SELECT 1 AS a' --format csv <&- 2>&-", dataset)

    assert (good.returncode, good.stdout) == (0, "a\n─\n1\n")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert (none.returncode, none.stdout) == (0, "a\n1\n")


def test_closed_standard_input(dataset: Path) -> None:
    done = shell("$F query $D - <&-", dataset)

    assert (done.returncode, done.stdout) == (2, "")
    assert "the SQL is empty" in done.stderr
    assert done.stderr.count("\n") == 1


def test_full_standard_output(dataset: Path) -> None:
    for command in ("query $D 'FROM files' --format csv", "tables $D", "versions $D --json"):
        done = shell(f"$F {command} >/dev/full", dataset)

        assert done.returncode == 1
        assert done.stderr.startswith("fw-dataset: error: ")
        assert "No space left on device" in done.stderr
        assert done.stderr.count("\n") == 1


def test_pipefail_and_head(dataset: Path) -> None:
    files, tables = "$F query $D 'FROM files' --format csv", "$F tables $D"

    done = shell(f"set -eo pipefail; {files} | head -n 1; {tables} | head -n 1", dataset)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


def wait_for(process: subprocess.Popen[bytes], words: bytes) -> None:
    """Read what a verbose command says until it says these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"the command ended without {words!r}")


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "fw-dataset: interrupted\n"),
        (signal.SIGTERM, 143, "fw-dataset: ended by signal SIGTERM\n"),
    ],
)
def test_interrupted_query(
    number: signal.Signals, code: int, said: str, dataset: Path, tmp_path: Path
) -> None:
    with start("query", dataset, ENDLESS, "-v", "-o", tmp_path / "x.csv") as process:
        assert process.stderr is not None
        wait_for(process, b"querying version")
        time.sleep(0.5)  # into the query itself; it would take hours

        process.send_signal(number)

        assert process.stderr.read().decode() == said
        assert process.wait(TIMEOUT) == code
    assert files_below(tmp_path) == set()


def test_interrupted_output(dataset: Path, tmp_path: Path) -> None:
    with start("query", dataset, MANY, "-o", tmp_path / "x.csv") as process:
        assert process.stderr is not None
        while not any(path.stat().st_size > 1e6 for path in tmp_path.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)

        process.send_signal(signal.SIGINT)

        assert process.stderr.read().decode() == "fw-dataset: interrupted\n"
        assert process.wait(TIMEOUT) == 130
    assert files_below(tmp_path) == set()


def test_interrupted_rendering(larger_snapshot: Path, tmp_path: Path) -> None:
    with start("render", larger_snapshot, tmp_path / "dataset", "-v") as process:
        assert process.stderr is not None
        wait_for(process, b"decompress")

        process.send_signal(signal.SIGINT)

        said = process.stderr.read().decode().splitlines()
        assert said[-1] == "fw-dataset: interrupted"
        assert not any("Traceback" in line or "rendered in" in line for line in said)
        assert process.wait(TIMEOUT) == 130
    assert files_below(tmp_path) == set()


def test_ascii_terminal(dataset: Path) -> None:
    table = fw_dataset_process(
        "query", dataset, "SELECT label FROM subjects ORDER BY id", env=ASCII
    )
    versions = fw_dataset_process("versions", dataset, env=ASCII)
    error = fw_dataset_process("query", dataset, "SELECT 'ü' ü FROM größe", env=ASCII)

    assert table.stdout.isascii()
    assert b"Zo\\xeb" in table.stdout
    assert b"-----" in table.stdout
    assert b"erste Fassung \\u2713" in versions.stdout
    assert versions.returncode == 0
    assert error.returncode == 1
    assert error.stderr.isascii()
    assert "gr\\xf6\\xdfe" in error.stderr


def test_data_formats_are_utf8_on_any_terminal(dataset: Path) -> None:
    for form in ("csv", "ndjson", "json"):
        run = fw_dataset_process(
            "query", dataset, "SELECT 'Zoë 张' AS a", "--format", form, env=ASCII
        )
        assert "Zoë 张" in run.stdout.decode("utf-8")


def test_latin1_terminal(dataset: Path) -> None:
    run = fw_dataset_process(
        "query", dataset, "SELECT 'Zoë' AS a, '张' AS b", env={"PYTHONIOENCODING": "latin-1"}
    )

    assert "Zoë" in run.stdout.decode("latin-1")
    assert b"\\u5f20" in run.stdout
