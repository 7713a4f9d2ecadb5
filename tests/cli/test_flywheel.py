"""The commands on a Flywheel site: ``render fw://…``, ``datasets``, and ``fw://`` as a dataset."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, Run, environment, fw_dataset_process
from tests.flywheel_server import FlywheelServer, ProjectState, Site, SnapshotPlan
from tests.support.datasets import small_snapshot

KEY = "the-key-of-the-test"


@pytest.fixture
def site() -> Site:
    site = Site()
    site.add_key(KEY)
    return site


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with FlywheelServer(site) as server:
        yield server
    assert server.errors == []


@pytest.fixture
def project(site: Site, tmp_path: Path) -> ProjectState:
    found = site.add_project("lab", "study", snapshot=small_snapshot(tmp_path, subjects=3))
    found.add_snapshot(status="complete", created="2024-05-06T07:08:09.010+00:00")
    return found


def of_site(server: FlywheelServer, *arguments: str | Path, home: Path) -> Run:
    env = {
        "FW_HOSTNAME": f"http://127.0.0.1:{server.port}",
        "FW_WS_API_KEY": KEY,
        "HOME": str(home),
    }
    return fw_dataset_process(*arguments, env=env, cwd=home)


def test_render_and_ask(server: FlywheelServer, project: ProjectState, tmp_path: Path) -> None:
    run = of_site(
        server, "render", "fw://lab/study", "--root", "data", "--label", "one", home=tmp_path
    )

    assert run.returncode == 0, run.stderr
    assert "(one)" in run.text
    assert ["subjects", "3"] in [line.split() for line in run.text.splitlines()]
    place = f"data/datasets/127.0.0.1/lab/{project.id}"
    assert (tmp_path / place / "versions").is_dir()

    asked = of_site(
        server, "query", "fw://lab/study", "select count(*) as n from subjects", home=tmp_path
    )
    assert (asked.returncode, asked.text.split()) == (0, ["n", "─", "3"]), asked.stderr
    tables = of_site(server, "tables", "FW://lab/study", "--json", home=tmp_path)
    assert {table["name"]: table["rows"] for table in json.loads(tables.stdout)}["files"] == 3
    versions = json.loads(
        of_site(server, "versions", "fw://lab/study", "--json", home=tmp_path).stdout
    )
    assert [version["label"] for version in versions] == ["one"]
    assert versions[0]["created"] == "2024-05-06T07:08:09.010+00:00"
    schema = of_site(server, "schema", "fw://lab/study", "files", home=tmp_path)
    assert schema.returncode == 0, schema.stderr


def test_again_with_another_label(
    server: FlywheelServer, project: ProjectState, tmp_path: Path
) -> None:
    of_site(server, "render", "fw://lab/study", "--root", "data", home=tmp_path)
    server.forget()

    run = of_site(server, "render", "fw://lab/study", "--label", "two", "--json", home=tmp_path)

    summary = json.loads(run.stdout)
    assert (summary["rendered"], summary["label"]) == (False, "two")
    assert "nothing was rendered" not in run.text
    assert server.count("GET", f"/snapshot/projects/{project.id}/snapshots/") == 0
    fresh = of_site(server, "render", "fw://lab/study", "--force-new", "--json", home=tmp_path)
    assert json.loads(fresh.stdout)["rendered"] is True


@pytest.mark.usefixtures("project")
def test_list_the_datasets(server: FlywheelServer, site: Site, tmp_path: Path) -> None:
    none = of_site(server, "datasets", home=tmp_path)
    assert (none.returncode, none.text) == (0, "")
    assert "no project" in none.stderr
    of_site(server, "render", "fw://lab/study", "--root", "data", "--label", "x", home=tmp_path)

    listed = of_site(server, "datasets", home=tmp_path)

    assert (listed.returncode, listed.stderr) == (0, "")
    header, _, line = listed.text.splitlines()[:3]
    assert header.split() == ["project", "location", "versions", "latest", "rows"]
    assert line.split()[0] == "fw://lab/study"
    assert line.split()[-3:] == ["1", "x", "14"]

    gone = {"type": "s3", "bucket": "b", "prefix": "p", "storage_id": "0" * 24}
    site.add_project("lab", "gone", info={"dataset": gone})
    both = of_site(server, "datasets", "--json", home=tmp_path)
    assert both.returncode == 1
    assert both.stderr.count("\n") == 1
    assert "fw://lab/gone" in both.stderr
    assert "deleted" in both.stderr
    good, bad = json.loads(both.stdout)
    assert (good["versions"], good["rows"], good["error"]) == (1, 14, None)
    assert bad["project"] == "fw://lab/gone"
    assert "deleted" in bad["error"]


def test_wrong_usage(server: FlywheelServer, project: ProjectState, tmp_path: Path) -> None:
    snapshot = small_snapshot(tmp_path, "another")
    cases: list[tuple[list[str | Path], str]] = [
        (["fw://lab/study", "somewhere"], "--root"),
        (["fw://lab/study", "--root", "data", "--version", "v1"], "--version"),
        (["fw://lab/study", "--root", "data", "--created", "2024-01-01"], "--created"),
        (["fw://lab/study", "--root", "data", "--label", "a/b\n"], "label"),
        ([snapshot, "data", "--force-new"], "--force-new"),
        ([snapshot, "data", "--api-key", "x:y"], "--api-key"),
        ([snapshot], "DEST"),
    ]
    for arguments, named in cases:
        run = of_site(server, "render", *arguments, home=tmp_path)
        assert (run.returncode, run.text) == (2, ""), arguments
        assert named in run.stderr
        assert run.stderr.count("\n") == 1
        assert not (tmp_path / "data").exists()
    assert project.record["info"] == {}


@pytest.mark.usefixtures("project")
def test_failures_take_one_line(server: FlywheelServer, tmp_path: Path) -> None:
    cases = [
        (["render", "fw://lab/study"], "root_path"),
        (["render", "fw://lab/nosuch", "--root", "data"], "no such project"),
        (["render", "fw://lab/study", "--storage", "nosuch"], "nosuch"),
        (["query", "fw://lab/study", "select 1"], "has no dataset"),
        (["tables", "fw://lab"], "fw://group/project"),
    ]
    for arguments, said in cases:
        run = of_site(server, *arguments, home=tmp_path)
        assert (run.returncode, run.text) == (1, ""), arguments
        assert said in run.stderr
        assert run.stderr.count("\n") == 1
        assert KEY not in run.stderr


@pytest.mark.usefixtures("project")
def test_keys(server: FlywheelServer, tmp_path: Path) -> None:
    bare = {"HOME": str(tmp_path), "FW_HOSTNAME": "", "FW_WS_API_KEY": ""}
    none = fw_dataset_process("datasets", env=bare)
    assert none.returncode == 1
    assert "FW_WS_API_KEY" in none.stderr

    login = tmp_path / ".config" / "flywheel" / "user.json"
    login.parent.mkdir(parents=True)
    login.write_text(json.dumps({"key": server.api_key(KEY)}))
    assert fw_dataset_process("datasets", env=bare).returncode == 0
    login.unlink()
    given = fw_dataset_process("datasets", "--api-key", server.api_key(KEY), env=bare)
    assert given.returncode == 0, given.stderr
    refused = fw_dataset_process("datasets", "--api-key", server.api_key("another"), env=bare)
    assert refused.returncode == 1
    assert "refuses the API key" in refused.stderr
    assert "another" not in refused.stderr


def test_interrupted_while_it_waits(server: FlywheelServer, site: Site, tmp_path: Path) -> None:
    project = site.add_project("lab", "slow", snapshot=small_snapshot(tmp_path))
    project.snapshot_plan = SnapshotPlan(statuses=("pending",))
    env = environment(
        FW_HOSTNAME=f"http://127.0.0.1:{server.port}", FW_WS_API_KEY=KEY, HOME=str(tmp_path)
    )
    process = subprocess.Popen(
        [*COMMAND, "render", "fw://lab/slow", "--root", str(tmp_path / "data")],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while server.count("GET", f"/snapshot/projects/{project.id}/snapshots/") < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)

    began = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)

    assert (process.returncode, said) == (130, "fw-dataset: interrupted\n")
    assert time.monotonic() - began < 5
    assert not (tmp_path / "data").exists()
    assert project.record["info"] == {}
