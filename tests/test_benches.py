"""The benchmarks of single kernels still run: what they call has not moved. How fast they are is looked at by `make bench`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_loops_over_kernels_run(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "base"),
        "benches/test_kernels.py", "-k", "not 50000000 and not 1000000",
    ]  # fmt: skip
    # pytest-benchmark measures nothing in a worker of pytest-xdist
    alone = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_XDIST")}
    environment = {**alone, "SFMODEL_BENCH_EVENTS": "200_000", "SFMODEL_BENCH_RESULTS": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
