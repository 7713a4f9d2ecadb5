"""Clients that others wrote, on this machine.

``dnastack-client-library`` wants older releases of click and urllib3 than our tests, so it cannot
be beside them: ``FW_DATASET_DATA_CONNECT_PYTHON`` names the interpreter of an environment with it,
with ``search-python-client`` and with ``schemathesis``. What is not there is not tested.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serve.conftest import FILES, SUBJECTS, Study
from tests.serve.data_connect import demanded
from tests.serve.server import Server, running

PYTHON = os.environ.get("FW_DATASET_DATA_CONNECT_PYTHON", sys.executable)
SQL = (
    "SELECT range AS n, DATE '2020-01-02' AS d, TIMESTAMP '2020-01-02 03:04:05' AS t,"
    " 1.5::DECIMAL(4, 2) AS x, INTERVAL '3 days' AS i, [range] AS l FROM range(2500)"
)


def run(*command: str, home: Path) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=home,
        env={**os.environ, "HOME": str(home), "PYTHONPATH": ""},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def run_python(package: str, code: str, home: Path) -> Any:
    """What a client's program prints last, as JSON."""
    probe = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    if subprocess.run([PYTHON, "-c", probe], check=False, cwd=home).returncode:
        pytest.skip(f"{package} is not installed (FW_DATASET_DATA_CONNECT_PYTHON)")
    return json.loads(run(PYTHON, "-c", code, home=home).splitlines()[-1])


def test_dnastack_library(server: Server, tmp_path: Path) -> None:
    code = f"""
import json
from dnastack.client.data_connect import DATA_CONNECT_TYPE_V1_0, DataConnectClient
from dnastack.client.models import ServiceEndpoint
endpoint = ServiceEndpoint(id="x", url={server.url + "/"!r}, type=DATA_CONNECT_TYPE_V1_0)
client = DataConnectClient.make(endpoint)
rows = list(client.query({SQL!r}))
try:
    list(client.query("SELECT nme FROM files"))
    failure = ""
except Exception as error:
    failure = f"{{type(error).__name__}} {{error}}"
print(json.dumps({{
    "tables": [table.name for table in client.list_tables()],
    "columns": list(client.table("files").info.data_model["properties"]),
    "files": len(list(client.table("files").data)),
    "rows": len(rows),
    "numbers": sum(row["n"] for row in rows),
    "last": {{key: repr(value) for key, value in rows[-1].items()}},
    "failure": failure,
}}))
"""
    found = run_python("dnastack", code, tmp_path)
    assert found["tables"][:2] == ["acquisitions", "files"]
    assert found["columns"][0] == "id"
    assert found["files"] == SUBJECTS * FILES
    assert (found["rows"], found["numbers"]) == (2500, sum(range(2500)))
    assert found["last"] == {
        "n": "2499",
        "d": "datetime.date(2020, 1, 2)",
        "t": "datetime.datetime(2020, 1, 2, 3, 4, 5)",
        "x": "Decimal('1.50')",
        "i": "datetime.timedelta(days=3)",
        "l": "[2499]",
    }
    assert found["failure"].startswith("InvalidQueryError")
    assert "nme" in found["failure"]


def test_dnastack_command(server: Server, tmp_path: Path) -> None:
    command = Path(PYTHON).parent / "dnastack"
    if not command.exists():
        pytest.skip("the command dnastack is not installed (FW_DATASET_DATA_CONNECT_PYTHON)")
    program = str(command)
    for step in (
        ["config", "endpoints", "add", "here", "-t", "data_connect"],
        ["config", "endpoints", "set", "here", "url", f"{server.url}/"],
        ["config", "endpoints", "set-default", "here"],
    ):
        run(program, *step, home=tmp_path)
    sql = "SELECT id, size FROM files ORDER BY id"
    found = json.loads(run(program, "dc", "query", sql, home=tmp_path))
    expected = [{**row, "size": int(row["size"])} for row in server.rows(sql)]
    assert found == expected
    tables = json.loads(run(program, "dc", "tables", "list", home=tmp_path))
    assert "sessions_summary" in {table["name"] for table in tables}
    info = json.loads(run(program, "dc", "tables", "get", "files", home=tmp_path))
    assert info["data_model"]["properties"]["size"]["format"] == "bigint"


def test_search_python_client(server: Server, tmp_path: Path) -> None:
    code = f"""
import json
from search_python_client.search import SearchClient
client = SearchClient(base_url={server.url!r})
print(json.dumps({{
    "tables": len(list(client.get_table_list())),
    "info": list(client.get_table_info("files").columns),
    "files": len(list(client.get_table_data("files"))),
    "rows": len(list(client.search_table({SQL!r}))),
}}))
"""
    found = run_python("search_python_client", code, tmp_path)
    assert found["tables"] == len(server.get("/tables").json["tables"])
    assert "data_model" in found["info"]
    assert (found["files"], found["rows"]) == (SUBJECTS * FILES, 2500)


def schemathesis(home: Path, *arguments: str) -> str:
    """What it prints when all its checks passed."""
    command = Path(PYTHON).parent / "schemathesis"
    if not command.exists():
        pytest.skip("schemathesis is not installed (FW_DATASET_DATA_CONNECT_PYTHON)")
    options = ["--max-examples", "10", "--phases", "examples,coverage,fuzzing", "--seed", "1"]
    return run(str(command), "run", *arguments, *options, home=home)


def test_schemathesis_on_the_description(server: Server, tmp_path: Path) -> None:
    # A text is not yet SQL, so that one which is as the description says may still be refused.
    url = f"{server.url}/openapi.json"
    said = schemathesis(tmp_path, url, "--exclude-checks", "positive_data_acceptance")
    assert re.search(r"Tested: 1\d$", said, re.MULTILINE)


def test_schemathesis_on_what_data_connect_demands(study: Study, tmp_path: Path) -> None:
    description, tokens = tmp_path / "data-connect.json", tmp_path / "tokens"
    description.write_text(json.dumps(demanded()), "utf-8")
    token = "of-nobody-but-this-test"
    tokens.write_text(f"{token}\n", "utf-8")
    tokens.chmod(0o600)
    with running(study.path, "--token-file", str(tokens)) as server:
        said = schemathesis(
            tmp_path,
            str(description),
            *("--url", server.url, "--header", f"Authorization: Bearer {token}"),
            # A text is not yet SQL.
            *("--exclude-checks", "positive_data_acceptance"),
        )
    assert re.search(r"Tested: 5$", said, re.MULTILINE)
