"""What holds even where the gate does not: DuckDB's own fence, and what the process gave up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serve.attacks import REFUSED, Places
from tests.serve.conftest import Study
from tests.serve.test_attacks import SECRET, tree

# Runs SQL on the engine's own connection, past the gate; prints what it read.
_PAST_THE_GATE = """
import json, sys
from fw_dataset.serve.confinement import bound_memory, confine
given = json.loads(sys.stdin.read())
landlock = confine(given["readable"], 1 << 20) if given["confined"] else 0
from fw_dataset.serve.engine import Definition, Engine
rows = f"SELECT * FROM read_parquet(['{given['data']}'])"
definition = Definition("files", "main", "files", rows, "SELECT 1 WHERE false")
engine = Engine([definition], [given["data"]], memory=200_000_000, threads=1)
bound_memory(400_000_000)
engine.make(["files"])
found = []
for sql in given["attacks"]:
    try:
        found.append(str(engine._connection.cursor().execute(sql).fetchmany(5)))
    except Exception as error:
        found.append("")
def opens(path, mode):
    try:
        open(path, mode).close()
    except OSError:
        return False
    return True
facts = {name: opens(path, mode) for name, (path, mode) in given["opens"].items()}
count = engine._connection.execute("SELECT count(*) FROM read_parquet(?)", [[given["data"]]])
result = {"found": found, "landlock": landlock, "opens": facts, "rows": count.fetchone()[0]}
print(json.dumps(result))
"""


def past_the_gate(places: Places, *, confined: bool, attacks: list[str]) -> dict[str, object]:
    given = {
        "data": str(places.data),
        "readable": [str(places.data.parent)],
        "attacks": attacks,
        "confined": confined,
        "opens": {
            "secret": (str(places.secret), "r"),
            "new": (str(places.out), "w"),
            "inside": (str(places.inside), "w"),
            "data to write": (str(places.data), "r+"),
            "data to read": (str(places.data), "rb"),
        },
    }
    if not confined:
        given["opens"] = {}
    done = subprocess.run(
        [sys.executable, "-c", _PAST_THE_GATE],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.fixture
def places(study: Study) -> Places:
    folder = study.path.parent
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    (data,) = study.files("files")
    (hidden,) = study.files("analyses")
    return Places(secret, folder / "out", data.parent / "new.parquet", data, hidden)


@pytest.mark.parametrize("confined", [True, False], ids=["confined", "unconfined"])
def test_past_the_gate_nothing_is_written_or_read_elsewhere(
    study: Study, places: Places, confined: bool
) -> None:
    if sys.platform == "linux" and not confined:
        # Without Landlock, what may be read may also be overwritten: this is the gate's alone.
        attacks = [a for a in REFUSED if "{data}" not in a]
    else:
        attacks = list(REFUSED)
    # DuckDB 1.4 and 1.5 end the process where a profile or log cannot be written: no harm either.
    ending = ("\0", "profiling", "enable_logging")
    attacks = [a for a in attacks if not any(part in a for part in ending)]
    before = tree(study.path.parent)

    result = past_the_gate(places, confined=confined, attacks=[places.fill(a) for a in attacks])

    read = zip(attacks, result["found"], strict=True)  # type: ignore[call-overload]
    assert [attack for attack, found in read if SECRET in found] == []
    assert tree(study.path.parent) == before
    assert isinstance(result["rows"], int)


def test_a_confined_process_reads_its_data_and_writes_nothing(places: Places) -> None:
    result = past_the_gate(places, confined=True, attacks=[])
    if not result["landlock"]:
        pytest.skip("this kernel has no Landlock")

    assert result["opens"] == {
        "secret": False,
        "new": False,
        "inside": False,
        "data to write": False,
        "data to read": True,
    }
    assert not Path(places.out).exists()
