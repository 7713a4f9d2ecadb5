"""Help texts, whose examples run, and completion by the shells."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from fw_dataset import __version__
from tests.cli.commands import Run, environment, fw_dataset, fw_dataset_process
from tests.cli.snapshots import RECORDS, write_snapshot
from tests.flywheel_server import FlywheelServer, Site
from tests.support.datasets import write_old_version
from tests.support.typed import run_typed

COMMANDS = (
    *("render", "render-site", "derive", "query", "tables", "schema", "versions"),
    *("profile", "find", "verify", "merge", "diff", "export", "download"),
    *("publish-iceberg", "serve"),
    *("relabel", "delete", "prune", "hide", "unhide", "remove", "migrate"),
    *("datasets", "demo", "completion"),
)


def examples(*command: str) -> list[str]:
    """What a help text says to type."""
    run = fw_dataset(*command, "--help")
    assert run.returncode == 0
    assert run.stderr == ""
    found: list[str] = []
    continued = False
    for line in run.text.splitlines():
        if continued:
            found[-1] += "\n" + line
        elif line.startswith("    $ "):
            found.append(line.removeprefix("    $ "))
        continued = bool(found) and found[-1].endswith("\\")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlywheelServer]:
    """A Flywheel site that has the project of the examples, with a dataset."""
    folder = tmp_path_factory.mktemp("site")
    site = Site()
    site.add_key("key")
    site.add_project(
        "lab",
        "study",
        snapshot=write_snapshot(folder / "snapshot.db.gz", RECORDS),
        info={"dataset": {"type": "fs", "bucket": str(folder), "prefix": "dataset"}},
    )
    with FlywheelServer(site) as server:
        run = fw_dataset_process("render", "fw://lab/study", env=of_site(server))
        assert run.returncode == 0, run.stderr
        yield server


def of_site(server: FlywheelServer) -> dict[str, str]:
    return {"FW_HOSTNAME": f"http://127.0.0.1:{server.port}", "FW_WS_API_KEY": "key"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the examples name, and a `fw-dataset` to type."""
    folder = tmp_path_factory.mktemp("place")
    write_snapshot(folder / "snapshot.db.gz", RECORDS)
    (folder / "files").mkdir()
    (folder / "question.sql").write_text("SELECT label FROM sessions")
    for name in (".zfunc", ".config/fish/completions", ".local/share/bash-completion/completions"):
        (folder / name).mkdir(parents=True)
    program = folder / "bin" / "fw-dataset"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fw_dataset "$@"\n')
    program.chmod(0o755)
    made = [("my-dataset", "base"), ("my-dataset", "freeze-1")]
    for target, version in made:
        run = fw_dataset_process(
            "render", "snapshot.db.gz", target, "--version", version, cwd=folder
        )
        assert run.returncode == 0, run.stderr
    write_old_version(folder / "other-dataset", "v1", {"scores": pa.table({"score": [0.5]})})
    return folder


def typed(line: str, place: Path, server: FlywheelServer | None = None) -> Run:
    path = f"{place / 'bin'}:{environment()['PATH']}"
    variables = of_site(server) if server else {}
    return run_typed(line, place, environment(PATH=path, HOME=str(place), **variables))


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_examples_run(
    command: tuple[str, ...], place: Path, site: FlywheelServer, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(place, folder, symlinks=True)
    found = examples(*command)

    assert found
    assert any(line.startswith(("fw-dataset", "eval")) for line in found)
    if command == ("render",):  # it makes these itself
        shutil.rmtree(folder / "my-dataset")
    for example in found:
        if example.startswith("fw-dataset demo") and command == ():
            continue  # the demo's own help has it
        if "fw-dataset serve" in example:
            continue  # it does not end by itself; tests/serve/test_lifetime.py runs it
        done = typed(example, folder, site)
        assert done.returncode == 0, f"{example}: {done.stderr}"
        assert "error" not in done.stderr


def test_help_is_short_for_all_and_full_for_each() -> None:
    run = fw_dataset("--help")

    for name in COMMANDS:
        assert f"\n  {name} " in run.text
        assert "Examples:" in fw_dataset(name, "-h").text
    assert "..." not in run.text.partition("Commands:")[2].partition("Examples:")[0]
    assert all(len(line) <= 80 for line in run.text.splitlines())


def test_nothing_to_do_is_wrong_usage() -> None:
    run = fw_dataset()

    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr.startswith("Usage: fw-dataset ")


def test_version() -> None:
    run = fw_dataset("--version")

    assert (run.returncode, run.text) == (0, f"fw-dataset {__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["query", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv[1:] = sys.argv[1:]\n"
        "from fw_dataset.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert loaded.isdisjoint({"duckdb", "matplotlib", "numpy", "pyarrow", "pydantic", "tqdm"})


def test_installed_command_is_the_module() -> None:
    program = Path(sys.executable).with_name("fw-dataset")
    if not program.exists():
        pytest.skip("the package is not installed here, its sources are tested")

    done = subprocess.run([program, "--version"], check=True, capture_output=True, timeout=60)

    assert done.stdout == fw_dataset("--version").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    run = fw_dataset("completion", shell)

    assert run.returncode == 0
    assert "_FW_DATASET_COMPLETE" in run.text
    assert f"{shell}_complete" in run.text
    if shutil.which(shell):
        subprocess.run([shell, "-n"], check=True, input=run.stdout, timeout=30)


def completed(place: Path, *words: str) -> set[str]:
    """What bash gets to offer for the last of the words."""
    run = fw_dataset_process(
        cwd=place,
        env={
            "_FW_DATASET_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["fw-dataset", *words]),
            "COMP_CWORD": str(len(words)),
        },
    )
    assert run.stderr == ""
    return {line.partition(",")[2] for line in run.text.split()}


def test_completion_of_names(place: Path) -> None:
    assert completed(place, "ver") == {"verify", "versions"}
    assert {"--version", "--format", "--output"} <= completed(place, "query", "--")
    assert completed(place, "schema", "my-dataset", "s") == {"sessions", "subjects"}
    assert completed(place, "tables", "my-dataset", "--version", "f") == {"freeze-1"}
    assert completed(place, "query", "my-dataset", "--version", "") == {
        "latest",
        "base",
        "freeze-1",
    }
    assert completed(place, "query", "my-dataset", "x", "--format", "p") == {"parquet"}


def test_completion_is_quiet_where_there_is_nothing(place: Path) -> None:
    for words in (
        ("schema", "no-dataset", "s"),
        ("schema", "snapshot.db.gz", "s"),
        ("tables", "--version", "x"),
        ("tables", "no-dataset", "--version", ""),
        ("schema", "my-dataset", "--version", "no-version", ""),
    ):
        assert completed(place, *words) == set()


def test_completion_in_a_real_bash(place: Path) -> None:
    script = (
        'eval "$(fw-dataset completion bash)"\n'
        "COMP_WORDS=(fw-dataset schema my-dataset se); COMP_CWORD=3\n"
        "_fw_dataset_completion fw-dataset se my-dataset\n"
        'echo "${COMPREPLY[@]}"'
    )

    done = typed(script, place)

    assert done.text == "sessions\n", done.stderr


def test_unexpected_errors_are_named_and_traced_only_when_asked(dataset: Path) -> None:
    # A broken installation is what nobody expects.
    code = (
        "import sys, pyarrow.compute\n"
        "sys.modules['fw_dataset.cli.preview'] = None\n"
        "from fw_dataset.cli import main\n"
        "main()"
    )

    def broken(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, "query", str(dataset), "SELECT 1", *more],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    plain, traced = broken(), broken("-v")

    assert (plain.returncode, traced.returncode) == (1, 1)
    assert plain.stderr.startswith("fw-dataset: error: unexpected ModuleNotFoundError: ")
    assert plain.stderr.endswith("run it again with -v to see where\n")
    assert plain.stderr.count("\n") == 1
    assert "Traceback (most recent call last)" in traced.stderr
    assert traced.stderr.splitlines()[-1].startswith("fw-dataset: error: unexpected ")
