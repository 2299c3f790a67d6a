"""Measure every figure of the case study: the baseline over five seeds, each scenario over three.

    python experiments/figures.py                                  everything, into results/figures
    python experiments/figures.py --only baseline,s1_viral_upload  some, by their files in conf/rows/streamflow/
    python experiments/figures.py --table-only                     of the runs that are there
    python experiments/figures.py --only baseline --share 0.8 --folder results/figures-1.03 demand.level=1.03

Everything is 44 runs, which come to some 19 evenings, at 4 to 10 min of a core each, as fast as the machine is; 2.3 GB
of memory for each job, 1 GB of disk. Each run is a process `sfmodel run` of its own. One that fails costs only itself:
it is named at the end, and its figures are measured on the other seeds. Finished runs are kept, and not made again by
the next call.

A scenario begins with its evening, since the paired run must begin when it does. It ends an hour after its last
trigger, or with the last period of its rows if that is later: stories are followed for an hour from their trigger, and
"no recovery" is known half an hour after its end.

A figure is reproduced if the mean over the seeds is in its range, where a value is infinite if each is, and if all seeds
show it; the interval is Student's, at 95 %. The table is also written beside the runs, as figures.md and figures.csv, and
how many rows were met, on how many seeds, as summary.json. The exit status is 1 if a run failed or a row was not met, with
`--share` if fewer rows than that share were. Words of the form key=value go to every run, before those that a file of rows
names; on a platform of your own (`platform=NAME`) its own rows are measured.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sfmodel.cli.compose import composed, quoted
from sfmodel.clock import clock
from sfmodel.errors import ConfigError, SfmodelError, nearest
from sfmodel.paths import read_requests
from sfmodel.results.folder import open_run
from sfmodel.rows import Measured, Rows, measure_rows, read_rows
from sfmodel.rows.bands import spans
from sfmodel.rows.files import named_files, platform_file
from sfmodel.rows.over_seeds import HEADS, OverSeeds, add_columns, add_line
from sfmodel.rows.table import plain_table, verdict
from sfmodel.schema import parse_run
from sfmodel.schema.quantities import to_clock_s
from sfmodel.stories import teller

BASELINE = "baseline"
AFTER_S = 3600.0
CSV = ("run", "row", "title", "unit", "range", "mean", "low", "high", "seeds_met", "seeds", "met", "lacks", "values")
COLUMNS = 100

Words = tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A file of rows, and the runs that they are measured on."""

    name: str
    rows: Rows
    run: Words
    """Words behind `sfmodel run`."""
    beside: Words | None
    """Those of the paired run; none: no row needs it."""
    seeds: range


@dataclass(frozen=True)
class Job:
    """One run to be made."""

    name: str
    words: Words


@dataclass(frozen=True)
class Figure(OverSeeds):
    """What the runs of a study show of one row; one of which runs are missing or failed is not met."""

    study: Study

    @property
    def wanted(self) -> int:
        """How many runs should show it."""
        return len(self.study.seeds)


def studies(platform: str, seeds: int, scenario_seeds: int, first: int = 1) -> list[Study]:
    """All files of rows of a platform, its baseline first."""
    files = {BASELINE: platform_file("rows", platform), **named_files("rows", platform)}
    found = []
    for name, path in files.items():
        rows = read_rows(path)
        run = rows.run if rows.run is not None else (() if name == BASELINE else (f"scenario={name}",))
        needs_pair = any(row.measure.is_beside for row in rows.every)
        beside = (rows.beside or ()) if needs_pair else None
        count = seeds if name == BASELINE else scenario_seeds
        found.append(Study(name, rows, run, beside, range(first, first + count)))
    return found


class Plan:
    """Which runs the studies need, each once: words → name and end, the same whichever studies are asked for."""

    def __init__(self, every: Sequence[Study], common: Words) -> None:
        """Name the runs, and find when each may end."""
        self._common, self._names, self._ends_s = common, dict[Words, str](), dict[Words, float]()
        base = composed(common)
        for study in every:
            until_s = _ends_s(study, composed([*common, *study.run]), base)
            for words, name in ((study.run, study.name), (study.beside, f"{study.name}-pair")):
                if words is not None:
                    self._names.setdefault(words, name)
                    self._ends_s[words] = max(until_s, self._ends_s.get(words, 0.0))
        self._last_s = to_clock_s(base["until"])

    def job(self, words: Words, seed: int) -> Job:
        """Return the run with these words and this seed."""
        has_end = not words or any(word.startswith("until=") for word in (*words, *self._common))
        end_s = math.ceil(min(self._ends_s[words], self._last_s) / 60) * 60
        end = () if has_end else (f"until={clock(end_s)}",)
        return Job(f"{self._names[words]}-{seed}", (*self._common, *words, *end, f"seed={seed}"))

    def jobs(self, study: Study) -> Iterator[tuple[Job, Job | None]]:
        """The run and its pair, for each seed."""
        for seed in study.seeds:
            yield self.job(study.run, seed), None if study.beside is None else self.job(study.beside, seed)


def _ends_s(study: Study, config: Mapping[str, Any], base: Mapping[str, Any]) -> float:
    """When nothing is left to be seen, s since midnight."""
    triggers = [end_s + AFTER_S for _, end_s in spans(config, base)]
    return max([*triggers, *(end_s for _, end_s in study.rows.periods.values())], default=math.inf)


def make_all(jobs: Sequence[Job], folder: Path, processes: int, console: Console) -> dict[str, str]:
    """Make the runs that are not there yet; name → message of those that failed."""
    failed: dict[str, str] = {}
    missing = [job for job in jobs if not (folder / job.name).exists()]
    console.print(f"{len(missing)} of {len(jobs)} runs are to be made, in {folder}", highlight=False)
    pool = ThreadPoolExecutor(processes)
    try:
        running = {pool.submit(_make, job, folder): job for job in missing}
        for number, future in enumerate(as_completed(running), 1):
            job, reason = running[future], future.result()
            if reason:
                failed[job.name] = reason
            end = f"failed: {reason}" if reason else "finished"
            console.print(f"{number} of {len(missing)}: {job.name} {end}", highlight=False, markup=False)
    finally:
        pool.shutdown(cancel_futures=True)
    return failed


def _make(job: Job, folder: Path) -> str | None:
    """Make one run in a process of its own; the reason if it failed."""
    words = (f"name={job.name}", f"hydra.run.dir={quoted(str(folder))}", *job.words)
    done = subprocess.run(
        [sys.executable, "-m", "sfmodel", "run", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if not done.returncode:
        return None
    if done.returncode < 0:
        return f"it was ended by {signal.Signals(-done.returncode).name}, as by a machine that is out of memory"
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return said[-1].removeprefix("sfmodel: ") if said else f"it ended with status {done.returncode} and no message"


def _is_another(job: Job, folder: Path) -> str | None:
    """Say if the run that is there was made with other values."""
    if not (folder / job.name).exists():
        return None
    try:
        with open_run(folder / job.name) as ds:
            found = ds.attrs.get("config")
    except SfmodelError as error:
        return str(error)
    wanted = parse_run(composed([f"name={job.name}", *job.words])).written
    if found == json.loads(json.dumps(wanted)):
        return None
    return f"{folder / job.name} was made with another configuration; remove it, or choose another --folder"


def measure(study: Study, plan: Plan, folder: Path, failed: Mapping[str, str]) -> tuple[list[Figure], dict[str, str]]:
    """Measure the rows of a study on its runs; also name → message of runs that could not be measured."""
    every, lost = [], {}
    for job, pair in plan.jobs(study):
        needed = [one.name for one in (job, pair) if one is not None]
        if any(name in failed or not (folder / name).exists() for name in needed):
            continue
        try:
            every.append(_measured(study.rows, *(folder / name for name in needed)))
        except SfmodelError as error:
            lost[job.name] = str(error)
    return [Figure(row, tuple(one[row.id] for one in every), study) for row in study.rows.every], lost


def _measured(rows: Rows, run: Path, pair: Path | None = None) -> dict[str, Measured]:
    with open_run(run) as ds:
        if pair is None:
            return measure_rows(ds, rows, requests=read_requests(run, ds))
        with open_run(pair) as base:
            return measure_rows(ds, rows, requests=read_requests(run, ds), base=base, told=teller(ds, base))


def table(figures: Sequence[Figure]) -> Table:
    """Lay all figures out for a terminal."""
    laid = plain_table("")
    add_columns(laid)
    study = ""
    for one in figures:
        if one.study.name != study:
            study = one.study.name
            laid.add_section()
            laid.add_row("", "", f"[bold]{escape(study)}[/bold]")
        add_line(laid, one)
    return laid


def markdown(figures: Sequence[Figure]) -> str:
    """All figures as one table for a page."""
    heads = ("run", *HEADS, "met")
    lines = [heads, tuple("---" if head in ("run", "row", "figure") else "--:" for head in heads)]
    lines += [(one.study.name, *one.cells, _MET[one.mean.met]) for one in figures]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_csv(figures: Sequence[Figure], path: Path) -> None:
    """Write all figures with their bare numbers: seconds, shares."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(CSV)
        for one in figures:
            over, found = one.mean, one.interval
            mean, ends = ("", ("", "")) if found is None else (found.mean, found.ends or ("", ""))
            bounds = " ".join(f"{key}={end:g}" for key, end in one.row.bounds.items())
            numbers = (mean, *ends, one.seeds_met, one.wanted, _MET[over.met], over.lacks or "")
            values = " ".join("-" if seed.value is None else f"{seed.value:.6g}" for seed in one.seeds)
            out.writerow([one.study.name, one.row.id, one.row.title.strip(), one.row.unit, bounds, *numbers, values])


_MET = {True: "yes", False: "no", None: ""}


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=_positive, default=5, help="of the baseline")
    parser.add_argument("--scenario-seeds", type=_positive, default=3)
    parser.add_argument("--first-seed", type=_positive, default=1)
    parser.add_argument("--jobs", type=_positive, default=2, help="runs at a time")
    parser.add_argument("--only", default="", help="files of rows, with commas between")
    parser.add_argument("--folder", type=Path, default=Path("results/figures"))
    parser.add_argument("--table-only", action="store_true", help="make no run")
    parser.add_argument("--share", type=_share, default=1.0, help="of the rows, which must be met")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for every run")
    given = parser.parse_intermixed_args(words)
    console = Console()
    console = console if console.is_terminal else Console(width=COLUMNS)
    try:
        return _execute(given, console)
    except SfmodelError as error:
        print(f"figures: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("figures: interrupted; finished runs are kept, the same command goes on with the others", file=sys.stderr)
        return 1


def _positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found '{text}'")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, found '{text}'")
    return share


def _execute(given: argparse.Namespace, console: Console) -> int:
    common = tuple(given.overrides)
    console.print("reading the files of rows and what they run", highlight=False)
    every = studies(composed(common)["platform"]["name"], given.seeds, given.scenario_seeds, given.first_seed)
    plan, chosen = Plan(every, common), _chosen(every, given.only)
    jobs = list(dict.fromkeys(job for study in chosen for both in plan.jobs(study) for job in both if job is not None))
    failed = {job.name: reason for job in jobs if (reason := _is_another(job, given.folder))}
    if not given.table_only:
        failed |= make_all(jobs, given.folder, given.jobs, console)
    figures: list[Figure] = []
    verdicts = []
    for study in chosen:
        found, lost = measure(study, plan, given.folder, failed)
        figures += found
        failed |= lost
        verdicts.append(f"{study.name}: {verdict({one.row.id: one.mean for one in found})}")
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / "figures.md").write_text(markdown(figures), encoding="utf-8")
    write_csv(figures, given.folder / "figures.csv")
    summary = {**summary_of(figures, failed), "sources": _sources(jobs, given.folder)}
    (given.folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    console.print(table(figures))
    if len(summary["sources"]) > 1:
        verdicts.append(
            f"these runs were made by {len(summary['sources'])} versions of sfmodel; to have all by this one, remove the older "
            "or choose another --folder"
        )
    for line in (*verdicts, *(f"{name} failed: {reason}" for name, reason in failed.items())):
        console.print(line, markup=False, highlight=False)
    return 1 if failed or summary["rows_met"] < given.share * summary["rows"] else 0


def _sources(jobs: Sequence[Job], folder: Path) -> dict[str, int]:
    """Hash of the sources that made runs → how many runs that can be read."""
    found: Counter[str] = Counter()
    for job in jobs:
        with suppress(SfmodelError), open_run(folder / job.name) as ds:
            found[str(ds.attrs.get("sources"))] += 1
    return dict(found)


def summary_of(figures: Sequence[Figure], failed: Mapping[str, str]) -> dict[str, Any]:
    """How many rows have a range, how many are met, which are not, on how many seeds, and which runs failed."""
    judged = {f"{one.study.name}.{one.row.id}": one.mean.met for one in figures if not one.row.reported}
    return {
        "rows": len(judged), "rows_met": sum(bool(met) for met in judged.values()),
        "not_met": [name for name, met in judged.items() if not met],
        "seeds": {one.study.name: {"measured": len(one.seeds), "wanted": one.wanted} for one in figures},
        "failed": dict(failed),
    }  # fmt: skip


def _chosen(every: Sequence[Study], only: str) -> list[Study]:
    names = [name.strip() for name in only.split(",") if name.strip()] or [study.name for study in every]
    known = {study.name: study for study in every}
    for name in names:
        if name not in known:
            raise ConfigError(f"--only: there is no file of rows '{name}'; {nearest(name, known)}")
    return [known[name] for name in names]


if __name__ == "__main__":
    sys.exit(main())
