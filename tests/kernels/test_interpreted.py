"""The same tests with the compiler off: what the source says is what the machine code does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alone import INTERPRETED


@pytest.mark.skipif(INTERPRETED, reason="this is that run")
def test_the_kernels_pass_their_tests_as_plain_python_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "interpreted", str(Path(__file__).parent)],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout.splitlines()[-1]
