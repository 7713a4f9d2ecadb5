"""``fw-dataset render-site``: the table, the report, exit codes, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import COMMAND, Run, environment, fw_dataset_process
from tests.flywheel_server import FlywheelServer, Site, SnapshotPlan
from tests.support.datasets import small_snapshot
from tests.support.flywheel_sites import KEY, new_site, serving


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with a project that can be rendered, and one that cannot."""
    site = new_site()
    study = site.add_project("lab", "study", snapshot=small_snapshot(tmp_path, subjects=3))
    study.add_snapshot(created="2024-05-06T07:08:09.010+00:00")
    site.add_project("lab", "broken").add_snapshot(data=b"no database")
    return site


@pytest.fixture
def server(site: Site) -> Iterator[FlywheelServer]:
    with serving(site) as server:
        yield server


def of_site(server: FlywheelServer, home: Path) -> dict[str, str]:
    address = f"http://127.0.0.1:{server.port}"
    return {"FW_HOSTNAME": address, "FW_WS_API_KEY": KEY, "HOME": str(home)}


def render_site(server: FlywheelServer, *arguments: str, home: Path) -> Run:
    env = of_site(server, home)
    return fw_dataset_process("render-site", *arguments, env=env, cwd=home)


def lines(text: str) -> dict[str, list[str]]:
    """The cells of each project's line."""
    cells = (line.split() for line in text.splitlines())
    return {found[0]: found for found in cells if found and found[0].startswith("fw://")}


def test_the_table_and_the_report(server: FlywheelServer, tmp_path: Path) -> None:
    run = render_site(
        server, "--root", "data", "--label", "one", "--report", "report.json", home=tmp_path
    )

    assert run.returncode == 1
    found = lines(run.text)
    assert found["fw://lab/study"][1:4] == ["rendered", "one", "14"]
    assert found["fw://lab/broken"][1] == "failed"
    assert "1 failed, 1 rendered; " in run.stderr
    report: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    assert report["counts"] == {"failed": 1, "rendered": 1}
    broken, study = report["projects"]
    assert (study["project"], study["rows"], study["label"]) == ("fw://lab/study", 14, "one")
    assert (broken["happened"], broken["version"]) == ("failed", None)
    assert "snapshot" in broken["why"]
    assert KEY not in (tmp_path / "report.json").read_text() + run.text + run.stderr


def test_again_and_without_the_one_that_fails(server: FlywheelServer, tmp_path: Path) -> None:
    dry = render_site(server, "--root", "data", "--match", "lab/study", "--dry-run", home=tmp_path)
    assert (dry.returncode, (tmp_path / "data").exists()) == (0, False)
    assert lines(dry.text)["fw://lab/study"][1:4] == ["would", "be", "rendered"]
    for expected in ("rendered", "already there"):
        run = render_site(server, "--root", "data", "--exclude", "bro*", "--json", home=tmp_path)
        assert run.returncode == 0, run.stderr
        report = json.loads(run.stdout)
        assert report["counts"] == {expected: 1}


def test_wrong_usage_and_failures(server: FlywheelServer, tmp_path: Path) -> None:
    cases = [
        (["--workers", "0"], 2, "--workers"),
        (["--storage", ""], 2, "--storage"),
        (["--label", "a\tb"], 2, "label"),
        (["--match", ""], 2, "match"),
        (["--no-values"], 2, "--no-values"),
        (["--report", "nowhere/report.json"], 1, "nowhere"),
        (["--match", "nothing"], 1, "no project matches"),
    ]
    for arguments, status, said in cases:
        run = render_site(server, *arguments, home=tmp_path)
        assert (run.returncode, run.text) == (status, ""), arguments
        assert said in run.stderr
        assert run.stderr.count("\n") == 1


def test_interrupted_it_ends_with_the_report_so_far(
    server: FlywheelServer, site: Site, tmp_path: Path
) -> None:
    waiting = site.add_project("lab", "waiting")
    waiting.snapshot_plan = SnapshotPlan(("pending",))
    process = subprocess.Popen(
        [*COMMAND, "render-site", "--root", "data", "--match", "[sw]*", "--report", "report.json"],
        env=environment(**of_site(server, tmp_path)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    study = next(project for project in site.projects.values() if project.label == "study")
    until = time.monotonic() + 60
    while "dataset" not in study.info or not server.count(
        "GET", f"/snapshot/projects/{waiting.id}/snapshots/"
    ):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.5)

    process.send_signal(signal.SIGINT)
    text, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert said.splitlines()[-1] == "fw-dataset: interrupted"
    assert "Traceback" not in said
    found = lines(text)
    assert found["fw://lab/study"][1] == "rendered"
    assert found["fw://lab/waiting"][1] == "interrupted"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["stopped"] == "it was interrupted"
    assert report["counts"] == {"rendered": 1, "interrupted": 1}
