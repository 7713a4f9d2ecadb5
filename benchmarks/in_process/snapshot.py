"""Make a synthetic snapshot: ``PATH ROWS``."""

import json
import sys
from dataclasses import asdict

from fw_dataset.demo import write_benchmark_snapshot

if __name__ == "__main__":
    print(json.dumps(asdict(write_benchmark_snapshot(sys.argv[1], int(sys.argv[2])))))
