"""On which processors bits agree: the digests of the same run under other instructions, as far as one machine can show.

    python experiments/bits.py             all ways; each other kind of machine code is compiled anew, minutes each
    python experiments/bits.py --ways host,glibc,numpy,interpreted     those that compile nothing

A long run (the reference chain, ten minutes: 3.4 million tasks) for machine code, and a short one (its first second) that
is also run as plain Python. Every way is a process of its own. The exit status is 1 where a digest differs. What is known of
each way, and of what cannot be tried here, is in docs/bits.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

LONG, SHORT = "10 min", "1 s"
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "host": ("machine code for this processor", {}),
    "glibc": (
        "logarithms and powers of the C library without fused multiply-add",
        {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"},
    ),
    "numpy": (
        "NumPy without the instructions that not every x86-64 processor has",
        {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR", "PYTHONWARNINGS": "ignore"},
    ),
    "generic": ("machine code for any x86-64 processor", {"NUMBA_CPU_NAME": "generic"}),
    "v3": ("machine code for x86-64-v3: AVX2 and fused multiply-add", {"NUMBA_CPU_NAME": "x86-64-v3"}),
    "plain": (
        "machine code for this processor without AVX and fused multiply-add",
        {"NUMBA_CPU_FEATURES": "-avx,-avx2,-fma,-avx512f"},
    ),
    "interpreted": ("plain Python", {"NUMBA_DISABLE_JIT": "1"}),
}
"""Every way: what it is, and the environment that makes it so."""

_RUN = """
import sys, warnings
warnings.simplefilter("ignore")
import sfmodel
from sfmodel.results.digest import digest
times = {"start": 0, "warmup": 0, "until": "1 s"} if sys.argv[1] == "1 s" else {"until": sys.argv[1]}
print(digest(sfmodel.load("chain").run(**times)))
"""


def digest_in(environment: dict[str, str], until: str) -> str:
    """Digest of the chain in a process with these variables."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, until], env={**os.environ, **environment}, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip().splitlines()[-1]}"


def main(words: Sequence[str]) -> int:
    """Run every way and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", default=",".join(WAYS), help="which, with commas")
    ways = parser.parse_args(words).ways.split(",")
    unknown = sorted(set(ways) - set(WAYS))
    if unknown:
        parser.error(f"--ways: there is no {unknown[0]}; valid are {', '.join(WAYS)}")
    table = Table("way", "what", f"until {SHORT}", f"until {LONG}")
    found: dict[str, set[str]] = {SHORT: set(), LONG: set()}
    for way in ways:
        about, environment = WAYS[way]
        digests = {until: digest_in(environment, until) for until in (SHORT, LONG) if (way, until) != ("interpreted", LONG)}
        for until, digest in digests.items():
            found[until].add(digest)
        table.add_row(way, about, *(digests.get(until, "")[:40] for until in (SHORT, LONG)))
    Console(width=max(Console().width, 150)).print(table)
    return int(any(len(digests) > 1 or any(d.startswith("failed") for d in digests) for digests in found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
