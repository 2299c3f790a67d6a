"""What StreamFlow recovers from at constant demand, as it is, and with a timeout of the LLM (I2) and breakers (I3).

    python experiments/metastability.py                  as it is, and with both, an hour each
    python experiments/metastability.py --changes none,llm_timeout,breakers    as it is, and with each alone
    python experiments/metastability.py --tables         only the tables and the figures, of what has run

A part of the engine's machines is gone for a while, at levels of demand that stay as they are (conf/metastability).
Each set of interventions has a map of its own, made by `sfmodel metastability` in results/metastability/SET; what was stopped
goes on where it was. A line for each cell is put into metastability.csv; metastability.md has the tables, and
docs/images/metastability-SET.svg the figures.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from sfmodel.figures.metastability import draw_map
from sfmodel.metastability.dataset import FILE, MEANINGS
from sfmodel.metastability.recovery import State
from sfmodel.metastability.table import map_tables, said_of_loads

if TYPE_CHECKING:
    import xarray as xr

HERE = Path(__file__).parent
RECORD = HERE / "metastability.csv"
PAGE = HERE / "metastability.md"
IMAGES = HERE.parent / "docs/images"
COLUMNS = ("change", "load", "size", "duration_s", *MEANINGS.values(), "probability", "low", "high", "median_s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--changes", default="none,llm_timeout+breakers", help="sets of interventions, a map each (default: %(default)s)"
    )
    parser.add_argument("--within", default="58min", help="time of each map (default: 58min)")
    parser.add_argument("--folder", type=Path, default=Path("results/metastability"), help="where the runs go")
    parser.add_argument("--tables", action="store_true", help="run nothing")
    parser.add_argument("words", nargs="*", help="further words of 'sfmodel metastability', such as users=1M")
    asked = parser.parse_args(arguments)
    changes = asked.changes.split(",")
    status = 0
    for change in [] if asked.tables else changes:
        command = ["metastability", "--changes", change, "--within", asked.within, "--folder", str(asked.folder / change)]
        made = subprocess.run([sys.executable, "-m", "sfmodel", *command, *asked.words], check=False)
        status = made.returncode or status
    maps = _maps(asked.folder)
    if maps:
        _write(maps)
    else:
        print("nothing has run yet", file=sys.stderr)
    return status


def _maps(folder: Path) -> list[xr.Dataset]:
    import xarray as xr

    found = sorted(folder.glob(f"*/{FILE}"), key=lambda path: (path.parent.name != "none", path))
    return [xr.open_zarr(path, consolidated=False).load() for path in found]


def _write(maps: Sequence[xr.Dataset]) -> None:
    with RECORD.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for ds in maps:
            writer.writerows(lines(ds))
    text = ["# What StreamFlow recovers from at constant demand", "", f"Written by `python experiments/{Path(__file__).name}`."]
    for ds in maps:
        console = Console(width=150)
        with console.capture() as table:
            for one in map_tables(ds):
                console.print(one)
        text += ["", "```text", table.get().rstrip(), "```", "", *said_of_loads(ds)]
        draw_map(ds, IMAGES / f"metastability-{ds['change'].values[0]}.svg")
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")
    print(f"{RECORD}, {PAGE}")


def lines(ds: xr.Dataset) -> list[list[object]]:
    """A line of the CSV file for each cell that has run."""
    found: list[list[object]] = []
    stacked = ds.stack(cell=("change", "load", "size", "duration"))
    for k, (change, load, size, duration_s) in enumerate(stacked["cell"].values):
        one = stacked.isel(cell=k)
        counts = [int((one["state"].values == state).sum()) for state in State]
        if counts[State.NOT_RUN] < ds.sizes["seed"]:
            numbers = [float(one[name]) for name in ("probability", "low", "high", "median_time")]
            found.append([change, load, size, duration_s, *counts, *(_written(value) for value in numbers)])
    return found


def _written(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
