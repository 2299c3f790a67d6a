"""Why full scale: the same evening on a platform of a third, a tenth, a thirtieth and a hundredth of the size.

    python experiments/scaling_down.py                          five seeds of each, into results/scaling_down
    python experiments/scaling_down.py --scales 1,10 --seeds 3  some
    python experiments/scaling_down.py --full results/figures   full scale from the runs of experiments/figures.py

Users, items, sessions, sources, servers, queues, shared limits, memory and consumers are divided; what each user, item
or request is stays. A pool keeps at least one server, a whole number stays whole: where rounding changes the platform,
that is part of the answer. Contention follows its pool: at the same utilisation it slows a service as much as at full
size. A figure survives if its mean over the seeds is in its range; it differs if Welch's interval for the difference
from full scale, 95 %, does not hold 0.

Finished runs are kept, one small file each, and not made again. Full scale takes 4 min for each seed, the rest 2 min.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from scipy.stats import t

from sfmodel.cli.compose import composed
from sfmodel.errors import ConfigError, SfmodelError
from sfmodel.results.folder import open_run
from sfmodel.rows import Row, measure_rows, read_rows
from sfmodel.rows.files import platform_file
from sfmodel.rows.table import plain_table, written
from sfmodel.running import checked, run_in_memory
from sfmodel.schema.limiters import Limiter
from sfmodel.schema.quantities import InBaseUnits
from sfmodel.schema.queues import Queue
from sfmodel.schema.services import Service
from sfmodel.schema.stations import Station

LEVEL = 0.95
SCALES = (1, 3, 10, 30, 100)

Written = dict[str, Any]
Values = dict[str, float]


# A smaller platform


def shrunk(config: Mapping[str, Any], k: float) -> Written:
    """Return the configuration of a platform k times smaller.

    Raises
    ------
    ConfigError
        The configuration is wrong, or the smaller platform could not run.
    """
    config = copy.deepcopy(dict(config))
    run = checked(config)
    platform = config["platform"]
    for name, service in run.platform.services.items():
        _shrink_service(platform["services"][name], service, k)
    for name, source in run.platform.sources.items():
        place = platform["sources"][name]
        if source.rate:
            place["rate"] = InBaseUnits(source.rate / k)
        if source.every is not None:
            place["every"] = InBaseUnits(source.every * k)
        for spike, found in zip(place.get("spikes", []), source.spikes, strict=True):
            spike["count"] = InBaseUnits(found.count / k)
    for name, counter in run.platform.counters.items():
        platform["counters"][name]["start"] = counter.start / k
    for name, service in run.platform.services.items():
        _shrink_slowdowns(platform["services"][name].get("endpoints"), service, k)
    if run.platform.users is not None:
        platform["users"]["sessions"]["rate"] = InBaseUnits(run.platform.users.sessions.rate / k)
        platform["users"]["population"] = _whole((run.users or run.platform.users.population) / k)
    platform.setdefault("content", {})["items"] = _whole((run.items or run.platform.content.items) / k)
    config["users"] = config["items"] = None
    config["trace"] = {"one_in": 0}
    return config


def _whole(number: float) -> int:
    return max(1, round(number))


def _part(number: float, k: float) -> float:
    """A k-th, at least 1; whole if the number is."""
    return _whole(number / k) if number == int(number) else max(1.0, number / k)


def _shrink_service(place: Written, service: Service, k: float) -> None:
    for name, station in service.stations.items():
        _shrink_station(place["stations"][name], station, k)
    for name, limiter in service.limiters.items():
        if limiter.key is None:
            _shrink_limiter(place["limiters"][name], limiter, k)
    for name, queue in service.queues.items():
        _shrink_queue(place["queues"][name], queue, k)
    if service.memory is not None:
        place["memory"]["limit"] = InBaseUnits(service.memory.limit / k)
        place["memory"]["reserved"] = InBaseUnits(service.memory.reserved / k)


def _shrink_station(place: Written, station: Station, k: float) -> None:
    if station.servers == "unlimited":
        return  # those in service are k times fewer by themselves
    place["servers"] = _part(station.servers, k)
    if station.queue:
        place["queue"] = _whole(station.queue / k)
    c, times = station.contention, _times_smaller(station, k)
    place["contention"] = {"serial": c.serial * times, "crosstalk": c.crosstalk * times**2}
    if station.scaling is not None:
        place["scaling"] |= {"min": _whole(station.scaling.min / k), "max": _whole(station.scaling.max / k)}


def _times_smaller(station: Station, k: float) -> float:
    """How many times fewer servers it has."""
    return k if station.servers == "unlimited" else station.servers / _part(station.servers, k)


def _shrink_limiter(place: Written, limiter: Limiter, k: float) -> None:
    if limiter.rate is not None:
        place["rate"], place["burst"] = InBaseUnits(limiter.rate / k), _whole(limiter.burst / k)
    if limiter.limit:
        place["limit"] = _whole(limiter.limit / k)


def _shrink_queue(place: Written, queue: Queue, k: float) -> None:
    place["consumers"] = _whole(queue.consumers / k)
    if queue.limit:
        place["limit"] = _whole(queue.limit / k)


def _shrink_slowdowns(place: Any, service: Service, k: float) -> None:
    """Steps that others slow down: as much, by so many times fewer."""
    if isinstance(place, list):
        for inner in place:
            _shrink_slowdowns(inner, service, k)
    elif isinstance(place, dict):
        for slow in place.get("slowed_by", []):
            if "each" in slow:
                slow["each"] = float(slow["each"]) * _times_smaller(service.stations[slow["station"]], k)
            else:
                slow["reference"] = float(slow["reference"]) / k
        for inner in place.values():
            _shrink_slowdowns(inner, service, k)


# Runs


@dataclass(frozen=True)
class Job:
    """One run: of a platform `scale` times smaller, with a seed."""

    scale: int
    seed: int
    overrides: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of what is kept of it."""
        return f"{self.scale}-{self.seed}.json"


def rows_of(overrides: Sequence[str]) -> Sequence[Row]:
    """Rows of the platform's baseline."""
    return read_rows(platform_file("rows", composed(overrides)["platform"]["name"])).every


def measured(job: Job) -> Values:
    """Simulate one run in memory, and measure the rows."""
    config = shrunk(composed([*job.overrides, f"seed={job.seed}"]), job.scale)
    return _values(run_in_memory(config), job.overrides)


def _values(ds: Any, overrides: Sequence[str]) -> Values:
    rows = read_rows(platform_file("rows", composed(overrides)["platform"]["name"]))
    found = measure_rows(ds, rows)
    return {name: one.value for name, one in found.items() if one.value is not None}


def _from_full_run(folder: Path, seed: int, overrides: Sequence[str]) -> Values | None:
    if not (folder / f"baseline-{seed}").exists():
        return None
    with open_run(folder / f"baseline-{seed}") as ds:
        return _values(ds, overrides)


def make_all(jobs: Sequence[Job], folder: Path, full: Path | None, processes: int, console: Console) -> dict[str, str]:
    """Make the runs that are not kept yet; file → message of those that failed."""
    folder.mkdir(parents=True, exist_ok=True)
    failed: dict[str, str] = {}
    for job in jobs:
        kept = folder / job.file
        if full is not None and job.scale == 1 and not kept.exists():
            values = _from_full_run(full, job.seed, job.overrides)
            if values is not None:
                kept.write_text(json.dumps(values))
    missing = [job for job in jobs if not (folder / job.file).exists()]
    console.print(f"{len(missing)} of {len(jobs)} runs are to be made", highlight=False)
    with ProcessPoolExecutor(processes) as pool:
        running = {pool.submit(measured, job): job for job in missing}
        for number, future in enumerate(as_completed(running), 1):
            job = running[future]
            try:
                (folder / job.file).write_text(json.dumps(future.result()))
                said = "finished"
            except SfmodelError as error:
                failed[job.file] = said = str(error)
            console.print(f"{number} of {len(missing)}: 1/{job.scale}, seed {job.seed}: {said}", highlight=False)
    return failed


# What they show


@dataclass(frozen=True)
class Cell:
    """One row at one scale, over the seeds."""

    row: Row
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the seeds; NaN of none."""
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def survives(self) -> bool:
        """Whether the mean is in the row's range."""
        return bool(self.values) and self.row.holds(self.mean)

    def differs_from(self, full: Cell) -> bool:
        """Whether Welch's interval for the difference of the means leaves out 0."""
        a, b = np.array(self.values), np.array(full.values)
        if min(len(a), len(b)) < 2:
            return False
        parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
        if not any(parts):
            return bool(a.mean() != b.mean())
        freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
        return bool(abs(a.mean() - b.mean()) > t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(sum(parts)))


def read_all(rows: Sequence[Row], jobs: Sequence[Job], folder: Path) -> dict[int, dict[str, Cell]]:
    """Scale → row → its values over the seeds whose runs are there; rows that no run shows, for want of traces, left out."""
    kept: dict[int, list[Values]] = {}
    shown: set[str] = set()
    for job in jobs:
        runs = kept.setdefault(job.scale, [])
        if (folder / job.file).exists():
            runs.append(json.loads((folder / job.file).read_text()))
            shown |= set(runs[-1])
    return {
        scale: {
            row.id: Cell(row, tuple(run[row.id] for run in runs if row.id in run)) for row in rows if row.id in shown
        }
        for scale, runs in kept.items()
    }


def lines(cells: Mapping[int, Mapping[str, Cell]]) -> list[list[str]]:
    """Head and rows of the table: a tick where the figure survives, a star where it differs from full scale."""
    scales = sorted(cells)
    full = cells.get(1)
    found = [["row", "figure", *(f"1/{scale}" if scale > 1 else "full" for scale in scales)]]
    for name, first in cells[scales[0]].items():
        texts = []
        for scale in scales:
            one = cells[scale][name]
            star = "*" if full and scale != 1 and one.differs_from(full[name]) else ""
            texts.append(f"{written(one.mean, one.row)}{star} {'✓' if one.survives else '✗'}" if one.values else "–")
        found.append([name, first.row.title.strip(), *texts])
    counts = [f"{sum(one.survives for one in cells[scale].values())} of {len(cells[scale])}" for scale in scales]
    return [*found, ["", "in their range", *counts]]


def draw(cells: Mapping[int, Mapping[str, Cell]], path: Path) -> None:
    """Draw how many rows are in their range at each scale, and how many differ from full scale."""
    import matplotlib.pyplot as plt

    scales = [scale for scale in sorted(cells) if any(one.values for one in cells[scale].values())]
    total = len(cells[scales[0]])
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    survive = [sum(one.survives for one in cells[scale].values()) for scale in scales]
    axes.plot(scales, survive, "o-", color="#0072B2", label="in the case study's range")
    if 1 in scales:
        differ = [sum(one.differs_from(cells[1][name]) for name, one in cells[scale].items()) for scale in scales]
        axes.plot(scales, differ, "s--", color="#D55E00", label=f"differs from full scale ({LEVEL:.0%})")
    axes.set(xscale="log", xlabel="Size, 1 in …", ylabel=f"Rows, of {total}", ylim=(0, total))
    axes.set_xticks(scales, [f"{scale}" for scale in scales])
    axes.minorticks_off()
    axes.legend()
    for suffix in ("svg", "png"):
        figure.savefig(path.with_suffix(f".{suffix}"), dpi=150)
    plt.close(figure)


def _keep(found: Sequence[Sequence[str]], cells: Mapping[int, Mapping[str, Cell]], folder: Path) -> None:
    rule = ["---", "---", *("--:" for _ in found[0][2:])]
    page = "".join(f"| {' | '.join(line)} |\n" for line in [found[0], rule, *found[1:]])
    (folder / "scaling_down.md").write_text(page, encoding="utf-8")
    with (folder / "scaling_down.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("scale", "row", "unit", "mean", "in_range", "values"))
        for scale, rows in sorted(cells.items()):
            for name, one in rows.items():
                values = " ".join(f"{value:.6g}" for value in one.values)
                out.writerow((scale, name, one.row.unit, one.mean, "yes" if one.survives else "no", values))
    draw(cells, folder / "scaling_down")


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=_numbers, default=SCALES, help="1, 3, 10, …: how many times smaller")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time; full scale needs 2.3 GB each")
    parser.add_argument("--folder", type=Path, default=Path("results/scaling_down"))
    parser.add_argument("--full", type=Path, help="folder with runs baseline-1, baseline-2, … at full scale")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for every run")
    given = parser.parse_intermixed_args(words)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    try:
        rows = rows_of(given.overrides)
        jobs = [Job(k, seed, tuple(given.overrides)) for k in given.scales for seed in range(1, given.seeds + 1)]
        failed = make_all(jobs, given.folder, given.full, given.jobs, console)
        cells = read_all(rows, jobs, given.folder)
        found = lines(cells)
        if len(found) > 2:
            _keep(found, cells, given.folder)
    except ConfigError as error:
        print(f"scaling_down: {error}", file=sys.stderr)
        return error.exit_status
    table = plain_table("")
    for number, head in enumerate(found[0]):
        table.add_column(head, justify="left" if number < 2 else "right", overflow="fold")
    for line in found[1:]:
        table.add_row(*line)
    console.print(table)
    console.print("✓ the mean over the seeds is in the range   * differs from full scale at 95 %", highlight=False)
    for name, reason in failed.items():
        console.print(f"{name} failed: {reason}", markup=False, highlight=False)
    return 1 if failed else 0


def _numbers(text: str) -> tuple[int, ...]:
    if not all(part.isdigit() and int(part) for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"expected whole numbers with commas between, found '{text}'")
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
