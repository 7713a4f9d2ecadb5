"""The platform's own clients take the server for a site.

They run in processes of their own: what they warn of is not ours, and the variables by which they
trust a certificate are read when they start.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.flywheel_server import FlywheelServer, ProjectState, Respond, Site
from tests.flywheel_server.asking import KEY
from tests.support.datasets import identifier

LONG_KEY = "k" * 57
ACQUISITION = identifier(4 << 32)
NAME = "a b+ü.tsv"
DATA = bytes(range(256)) * 400

FW_CLIENT = """
import json, sys
from fw_client import FWClient

key, project, file = sys.argv[1:]
client = FWClient(api_key=key)
told = {"user": client.get("/api/auth/status")["user_id"]}
# Older clients take a bare list.
projects = client.get("/api/projects")
projects = projects["results"] if isinstance(projects, dict) else projects
told["projects"] = [one["label"] for one in projects]
told["label"] = client.get(f"/api/projects/{project}")["label"]
told["lookup"] = client.post("/api/lookup", json={"path": ["lab", "study"]})["_id"]
storage = client.get("/xfer/storages")["results"][0]["_id"]
told["url"] = client.get(f"/xfer/storage-creds/{storage}")["url"]
client.patch(f"/api/projects/{project}/info", json={"set": {"dataset": {"type": "s3"}}})
told["info"] = client.get(f"/api/projects/{project}")["info"]
snapshots = f"/snapshot/projects/{project}/snapshots"
snapshot = client.post(snapshots)
told["statuses"] = [snapshot["status"]]
while told["statuses"][-1] != "complete":
    detail = client.get(f"{snapshots}/{snapshot['_id']}/detail")
    told["statuses"].append(detail["status"])
told["snapshot"] = len(client.get(f"{snapshots}/{snapshot['_id']}", raw=True).content)
told["file"] = len(client.get(f"/api/files/{file}/download", raw=True).content)
print(json.dumps(told))
"""

SDK = """
import json, os, sys
import flywheel

key, project_id, acquisition_id, folder = sys.argv[1:]
client = flywheel.Client(key)
project = client.get_project(project_id)
told = {"label": project.label, "group": project.group, "before": project.info}
told["lookup"] = client.lookup("lab/study").id
told["found"] = [one.id for one in client.projects.find("label=study,group=lab")]
told["first"] = client.projects.find_first("label=study").id
told["sorted"] = [one.label for one in client.projects.iter_find(sort="label:desc", limit=1)]
told["all"] = [one.label for one in client.projects.iter(limit=1)]
told["container"] = client.get(project_id).label
project.update_info(dataset={"type": "s3", "bucket": "box"})
told["after"] = project.reload().info
told["files"] = []
for container in (project, client.get_acquisition(acquisition_id)):
    for file in container.files:
        if file.name == "a b+ü.tsv":
            target = os.path.join(folder, f"{container.container_type}.tsv")
            container.download_file(file.name, target)
            told["files"].append([client.get_file(file.file_id).info, os.path.getsize(target)])
            told["files"][-1].append(len(container.read_file(file.name)))
try:
    client.get_project("0" * 24)
except flywheel.ApiException as error:
    told["missing"] = error.status
print(json.dumps(told))
"""


@pytest.fixture
def site(site: Site, project: ProjectState) -> Site:
    """One with two projects, a storage and keys of both kinds."""
    site.add_key(LONG_KEY)
    site.add_project("lab", "another")
    site.add_storage("s", type="s3", url="s3://box/prefix?access_key_id=a")
    project.add_file(NAME, DATA, file_id=identifier(77), info={"in": "project"})
    project.add_file(NAME, DATA, parent=("acquisition", ACQUISITION), info={"in": "acquisition"})
    return site


def told_to(client: str, script: str, *arguments: str, environment: dict[str, str]) -> Any:
    """What a script prints as JSON, that uses a client."""
    if importlib.util.find_spec(client) is None:
        pytest.skip(f"needs {client}")
    # Nothing but the variables that are given tells the client what to trust and where to go.
    clean = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", script, *arguments],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def seen_by_fw_client(server: FlywheelServer, key: str, environment: dict[str, str]) -> Any:
    project = next(one for one in server.site.projects.values() if one.label == "study")
    arguments = (key, project.id, identifier(77))
    return told_to("fw_client", FW_CLIENT, *arguments, environment=environment)


def check_fw_client(told: Any, project: ProjectState) -> None:
    assert project.study.snapshot is not None
    assert told == {
        "user": "curator@example.org",
        "projects": ["study", "another"],
        "label": "study",
        "lookup": project.id,
        "url": "s3://box/prefix?access_key_id=a",
        "info": {"dataset": {"type": "s3"}},
        "statuses": ["pending", "in_progress", "complete"],
        "snapshot": project.study.snapshot.stat().st_size,
        "file": len(DATA),
    }


def seen_by_sdk(server: FlywheelServer, key: str, folder: Path, environment: Any) -> Any:
    project = next(one for one in server.site.projects.values() if one.label == "study")
    arguments = (key, project.id, ACQUISITION, str(folder))
    return told_to("flywheel", SDK, *arguments, environment=environment)


def check_sdk(told: Any, project: ProjectState) -> None:
    assert told == {
        "label": "study",
        "group": "lab",
        "before": {},
        "lookup": project.id,
        "found": [project.id],
        "first": project.id,
        "sorted": ["study", "another"],
        "all": ["study", "another"],
        "container": "study",
        "after": {"dataset": {"type": "s3", "bucket": "box"}},
        "files": [[{"in": one}, len(DATA), len(DATA)] for one in ("project", "acquisition")],
        "missing": 404,
    }


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("key", [KEY, LONG_KEY])
def test_fw_client(site: Site, project: ProjectState, tls: bool, key: str) -> None:
    with FlywheelServer(site, tls=tls) as server:
        told = seen_by_fw_client(server, server.api_key(key), server.tls_environment())
        check_fw_client(told, project)
        assert server.errors == []


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("key", [KEY, LONG_KEY])
def test_sdk(site: Site, project: ProjectState, tmp_path: Path, tls: bool, key: str) -> None:
    with FlywheelServer(site, tls=tls) as server:
        told = seen_by_sdk(server, server.sdk_key(key), tmp_path, server.tls_environment())
        check_sdk(told, project)
        assert server.errors == []


def test_both_by_way_of_the_proxy(site: Site, project: ProjectState, tmp_path: Path) -> None:
    with FlywheelServer(site, tls=True) as server:
        key, environment = server.proxied_key(KEY), server.proxy_environment()
        check_sdk(seen_by_sdk(server, key, tmp_path, environment), project)
        tunnels = len(server.tunnels)
        assert tunnels > 0
        project.record["info"] = {}
        check_fw_client(seen_by_fw_client(server, key, environment), project)
        assert len(server.tunnels) > tunnels
        assert server.errors == []


def test_fw_client_tries_again(site: Site, project: ProjectState) -> None:
    with FlywheelServer(site) as server:
        server.faults.append(Respond(503, path=r"/detail$"))
        told = seen_by_fw_client(server, server.api_key(KEY), {})
        check_fw_client(told, project)
        assert server.count("GET", r".*/detail$") == 3
