"""The program that serves Apache Spark on a free port: an interpreter that has it, and a folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
_WHERE = "import pyspark; print(pyspark.__path__[0])"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def start(python: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    home = subprocess.run([python, "-c", _WHERE], check=True, capture_output=True, text=True).stdout
    settings = {
        "spark.ui.enabled": "false",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        # Instants must not depend on where the cluster is.
        "spark.sql.session.timeZone": "America/New_York",
    }
    options = [part for item in settings.items() for part in ("--conf", "=".join(item))]
    command = [f"{home.strip()}/bin/spark-submit", "--master", "local[2]", "--driver-memory", "1g"]
    return subprocess.Popen(
        [*command, *options, "--class", _SERVER, "spark-internal"],
        cwd=folder,
        env={**os.environ, "SPARK_HOME": home.strip(), "PYSPARK_PYTHON": python},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )


def main(python: str, folder: str) -> None:
    """Serve until the parent is gone, which ends the standard input."""
    port = free_port()
    server = start(python, Path(folder), port)
    # It outlives this process, so that whoever ends this ends Java, too.
    subprocess.Popen(["sh", "-c", f"cat >/dev/null; kill -9 {server.pid}"])
    while True:
        if server.poll() is not None:
            sys.exit(f"Apache Spark ended with {server.returncode}")
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    sys.stdout.write(f"listens on http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    server.wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
