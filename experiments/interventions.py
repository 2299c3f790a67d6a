"""What each intervention does to the evening's peak: alone and together, with and without a storm, at other levels of demand.

    python experiments/interventions.py                            every part that experiments/interventions.csv lacks
    python experiments/interventions.py --only evening,factorial   some parts
    python experiments/interventions.py --only evening seed=3      with other values of a key than the part has
    python experiments/interventions.py --list                     the parts, with how many worlds each has

Each part is a sweep at full scale of runs that fork from the world of 19:30, where the interventions are switched on; the peak
is measured from 20:15. A part that was stopped goes on where it was. What its runs show is put into the CSV file, a line a run,
under the hash of the code that made it and the words that it was given beside those of its part, next to what is there of other
runs. The tables and the figure are made of that file: `python experiments/ranking.py`.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfmodel.errors import SfmodelError, nearest
from sfmodel.sweeps import recorded_sweep
from sfmodel.sweeps.observations import observe
from sfmodel.sweeps.points import label_of

RECORD = Path(__file__).with_suffix(".csv")
RUN = ("part", "scenario", "demand", "set", "intervention", "seed")
"""Columns that say which run of its part it is."""
MADE = ("until", "words", "sources")
"""How it was made: until when, with which other words (none: those of the part), with which code."""
KEYS = (*RUN, *MADE)
ALONE = "sweep=one_at_a_time"
USUAL = {"scenario": "none", "demand.level": "1", "platform.streamflow.sets": "baseline"}
"""Labels of what a part does not sweep over, by key of the sweep."""


@dataclass(frozen=True)
class Part:
    """A sweep of the experiment."""

    what: str
    runs: int
    words: tuple[str, ...]


def _words(*words: str, until: str = "23:30", forks: str = "'19:30'") -> tuple[str, ...]:
    return (*words, "start=19:30", f"until={until}", "switch_on=19:30", f"forks=[{forks}]", "trace.one_in=0")


PARTS = {
    "evening": Part(
        "none of the seven, each alone, all; plain, F1 and S1 at 21:00; three seeds", 81,
        _words(ALONE, "scenario=none,f1_at_peak,s1_at_peak", "seed=1,2,3", until="22:00", forks="'19:30','21:00'"),
    ),
    "factorial": Part(
        "sixteen sets of the seven, resolution IV; two seeds", 32,
        _words("sweep=seven_in_16", "seed=1,2", until="21:30"),
    ),
    "collapse": Part(
        "the same nine in F4, whose engine is at half its capacity at 20:30; three seeds", 27,
        _words(ALONE, "scenario=f4_engine_half", "seed=1,2,3", until="22:00"),
    ),
    "demand": Part(
        "the same nine at four levels of demand; two seeds", 72,
        _words(ALONE, "demand.level=0.97,1,1.03,1.10", "seed=1,2", until="21:00"),
    ),
    "sets": Part(
        "the same nine under each of eight other sets of values; one seed", 72,
        _words(ALONE, "platform/streamflow/sets=a,b,c,d,e,f,g,h", "seed=1", until="21:00"),
    ),
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="parts, comma-separated")
    parser.add_argument("--list", action="store_true", help="list the parts")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--folder", type=Path, default=Path("runs/interventions"), help="where the runs go")
    parser.add_argument("words", nargs="*", help="keys of all runs, such as hydra/launcher=slurm")
    asked = parser.parse_args(arguments)
    if asked.list:
        for name, part in PARTS.items():
            print(f"{name:10}  {part.runs:3} runs: {part.what}")
        return 0
    names = asked.only.split(",") if asked.only else lacking(recorded())
    for name in names:
        if name not in PARTS:
            parser.error(f"there is no part '{name}'; {nearest(name, list(PARTS))}")
    status = 0
    for name in names:
        folder = asked.folder / re.sub(r"[^\w.]+", "-", "-".join([name, *asked.words]))
        status = _make(name, folder, asked.jobs, asked.words) or status
        if (folder / "sweep.json").exists():
            _record(name, folder, asked.words)
    return status


def recorded() -> list[dict[str, str]]:
    """Every line of the CSV file."""
    if not RECORD.exists():
        return []
    with RECORD.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lacking(lines: Sequence[Mapping[str, str]]) -> list[str]:
    """Parts of which not every run is among the lines, as the part has it."""
    there = {tuple(line[key] for key in RUN) for line in lines if not line.get("words")}
    return [name for name, part in PARTS.items() if sum(run[0] == name for run in there) < part.runs]


def other_words(words: Sequence[str]) -> str:
    """Those of the words that make another run of a part's than it has; not seeds, nor where and how runs are made."""
    return " ".join(word for word in words if not word.lstrip("+~").startswith(("hydra", "seed=", "worlds")))


def _make(name: str, folder: Path, jobs: int, words: Sequence[str]) -> int:
    """Run the sweep of a part, or what is missing of it; exit status."""
    replaced = {word.partition("=")[0] for word in words}
    own = [word for word in PARTS[name].words if word.partition("=")[0] not in replaced]
    how = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={jobs}", f"hydra.sweep.dir={folder}"]
    print(f"{name}: {PARTS[name].what}", flush=True)
    return subprocess.run([sys.executable, "-m", "sfmodel", "run", "-m", *own, *how, *words], check=False).returncode


def _record(name: str, folder: Path, words: Sequence[str]) -> None:
    """Put what the runs of a part show into the CSV file, in place of what it had of them."""
    sweep = recorded_sweep(folder)
    parted = (text.lstrip("+").partition("=") for text in sweep.fixed)
    fixed = {key.replace("/", "."): label_of(value).replace("\\", "") for key, _, value in parted}  # Hydra's quotes
    try:
        observations = observe(folder)
    except SfmodelError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return
    found = []
    for one in observations.every:
        scenario, demand, values = (({**fixed, **one.values}).get(key, usual) for key, usual in USUAL.items())
        of_part = (name, scenario, demand, values, one.values["intervention"], one.seed)
        about = (*of_part, fixed.get("until", ""), other_words(words), sweep.made_of["sources"])
        figures = {key: "" if math.isnan(value) else f"{value:.8g}" for key, value in one.figures.items()}
        found.append(dict(zip(KEYS, map(str, about), strict=True)) | figures)
    lines = together(recorded(), found)
    columns = list(dict.fromkeys([*KEYS, *(key for line in lines for key in line)]))
    part = RECORD.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    part.replace(RECORD)
    print(f"{name}: {len(found)} runs in {RECORD.name}, {len(observations.missing)} missing")


def together(before: Sequence[dict[str, str]], found: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Lines by part, what was found last behind what was there; of the same run, made the same way, the newer."""
    by_run: dict[tuple[str, ...], dict[str, str]] = {}
    for line in [*before, *found]:
        key = tuple(line.get(key, "") for key in KEYS)
        by_run.pop(key, None)
        by_run[key] = line
    return sorted(by_run.values(), key=lambda line: list(PARTS).index(line["part"]))


if __name__ == "__main__":
    sys.exit(main())
