"""Ask Parquet files in a slow store through us and through httpfs: ``ENDPOINT THREADS RUNS``."""

from __future__ import annotations

import json
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
from obstore.store import S3Store

from fw_dataset.format.names import quote_literal
from fw_dataset.storage.objects import ObjectStorage
from fw_dataset.storage.reading import ReadFileSystem


def _extension() -> str:
    """The file of DuckDB's httpfs, or nothing where none is installed for this DuckDB."""
    found = find_spec("duckdb_extension_httpfs")
    folders = found.submodule_search_locations if found else None
    for folder in folders or ():
        for path in Path(folder).glob(
            f"extensions/v{duckdb.__version__}/**/httpfs.duckdb_extension"
        ):
            return str(path)
    return ""


QUESTIONS = {
    "2 of 12 columns of one file": ("", "select sum(length(c1)), sum(length(c7)) from t"),
    "200 small files": ("small", "select count(*), sum(length(c1)), sum(length(c7)) from t"),
}
_HTTPFS = _extension()


class _Reads:
    def __init__(self, endpoint: str, threads: int) -> None:
        self.endpoint, self.threads = endpoint, threads
        store = S3Store(
            "bench",
            endpoint=endpoint,
            region="us-east-1",
            skip_signature=True,
            client_options={"allow_http": True},
        )
        self.storage = ObjectStorage(store, "s3://bench")
        listing = {item.key: item.size for item in self.storage.list()}
        self.files = {
            question: {key: size for key, size in listing.items() if key.rpartition("/")[0] == at}
            for question, (at, _) in QUESTIONS.items()
        }

    def cold(self, name: str, question: str) -> tuple[dict[str, float], Any]:
        """Ask with nothing in memory; seconds to open the files and to ask, and the requests."""
        self._requests()
        with duckdb.connect() as connection:
            connection.execute(f"set threads = {self.threads}")
            if name == "httpfs":
                self._load(connection)
            start = perf_counter()
            paths = self._paths(connection, name, question)
            connection.execute(
                f"create view t as select * from read_parquet([{', '.join(paths)}],"
                " hive_partitioning = false, union_by_name = true)"
            )
            opened = perf_counter()
            answer = connection.execute(QUESTIONS[question][1]).fetchall()
            asked = perf_counter()
        seconds = {"open": opened - start, "ask": asked - opened}
        return {**seconds, "requests": self._requests()}, answer

    def _paths(self, connection: duckdb.DuckDBPyConnection, name: str, question: str) -> list[str]:
        files = self.files[question]
        if name == "httpfs":
            return [quote_literal(f"s3://bench/{key}") for key in files]
        reader = ReadFileSystem(self.storage, files)
        connection.register_filesystem(reader)
        reader.prefetch(files)
        return [quote_literal(reader.path(key)) for key in files]

    def _load(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"load {quote_literal(_HTTPFS)}")
        host = self.endpoint.removeprefix("http://")
        connection.execute(
            "create secret (type s3, key_id 'a', secret 'b', region 'us-east-1',"
            f" endpoint '{host}', url_style 'path', use_ssl false)"
        )

    def _requests(self) -> int:
        with urllib.request.urlopen(f"{self.endpoint}/-/requests") as answer:
            return int(answer.read())


def main(endpoint: str, threads: int, runs: int) -> dict[str, Any]:
    """Ask all, in turns.

    Returns:
        by question and reader, run by run: seconds ``open`` and ``ask``, and ``requests``.
    """
    reads = _Reads(endpoint, threads)
    names = ["fw_dataset", *(["httpfs"] if _HTTPFS else [])]
    found: dict[str, Any] = {}
    for question in QUESTIONS:
        found[question] = times = {name: list[Any]() for name in names}
        answers = set()
        for run in range(-1, runs):
            for name in names if run % 2 else reversed(names):
                taken, answer = reads.cold(name, question)
                answers.add(str(answer))
                if run >= 0:  # the one before is the warm-up
                    times[name].append(taken)
        if len(answers) != 1:
            raise SystemExit(f"{question}: the readers answer differently")
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
