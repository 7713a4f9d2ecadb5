"""Files larger than memory should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.flywheel_sites import start_python

CODE = """
import resource, sys
from pathlib import Path
from tests.support.tabular import Folder, derive

folder, megabytes = Path(sys.argv[1]), int(sys.argv[2])
line = sys.argv[3].encode().decode("unicode_escape")
files = Folder(folder / "files")
files.add("small.csv", "id,n\\n" + line * 1000)
derive(files, folder / "before")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
times = (megabytes << 20) // (len(line) * 10_000)
path = folder / "files" / "f0001" / "large.csv"
path.parent.mkdir()
with path.open("w") as file:
    file.write("id,name,x,when,extra\\n")
    for _ in range(times):
        file.write(line * 10_000)
files.add("large.csv", None, size=path.stat().st_size)
derived = derive(files, folder / "v")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(entry.rows for entry in derived.tables.entries if entry.table == "large")
print(rows == times * 10_000, derived.types("large"), (after - before) >> 10, sep="|")
"""
LINES = {
    "plain": "sub-01,one of them,0.25,2020-01-31,\\n",
    "quoted": '"sub-01","one, of ""them""",0.25,"2020-01-31",""\\n',
    "ragged": "sub-01,one of them,0.25,2020-01-31,,\\n",
}


def check(kind: str, folder: Path, megabytes: int, most: int) -> None:
    with start_python(CODE, folder, megabytes, LINES[kind]) as process:
        out, err = process.communicate(timeout=60 + megabytes)
    assert process.returncode == 0, err
    whole, types, grown = out.strip().split("|")
    assert whole == "True"
    assert "'x': 'NUMBER', 'when': 'DATE'" in types
    assert int(grown) < most


@pytest.mark.parametrize("kind", LINES)
def test_memory(kind: str, tmp_path: Path) -> None:
    check(kind, tmp_path, 24, 350)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_gigabytes(tmp_path: Path) -> None:
    check("plain", tmp_path, 2048, 450)
