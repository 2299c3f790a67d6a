"""The tests, in order: kernels are compiled once, then everything runs in parallel processes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

WARM_UP = "import sfmodel; sfmodel.load('mmc').run(start=0, warmup=0, until='1 s')"


def main() -> int:
    """Compile, then run pytest; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes")
    arguments, rest = parser.parse_known_args()
    started = time.time()
    subprocess.run([sys.executable, "-c", WARM_UP], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    print(f"kernels are compiled ({time.time() - started:.0f} s)", flush=True)
    spread = ["-n", str(arguments.jobs), "--dist", "loadfile", "--no-loadscope-reorder"]
    command = [sys.executable, "-m", "pytest", "-q", *spread, *rest]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}).returncode


if __name__ == "__main__":
    sys.exit(main())
