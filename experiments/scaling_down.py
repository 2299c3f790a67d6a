"""Why full scale: the same evening on a platform of a third, a tenth, a thirtieth and a hundredth of the size.

    python experiments/scaling_down.py                          five seeds of each, into results/scaling_down
    python experiments/scaling_down.py --scales 1,10 --seeds 3  some
    python experiments/scaling_down.py --full results/figures   full scale from the runs of experiments/figures.py

Users, items, sessions, sources, servers, queues, shared limits, memory and consumers are divided; what each user, item
or request is stays. A pool keeps at least one server, a whole number stays whole: where rounding changes the platform,
that is part of the answer. Contention follows its pool: each of the others slows as many times more as they are fewer.
But nobody slows itself, so that few slow each other less than many, and one server has no contention: that is part of
the answer too. A figure survives if all seeds show it and its mean over them is in its range, where a value is infinite if
each is. It differs from full scale if Welch's t test says so, with Holm's correction over all rows and scales: of those
that do not differ any is named with probability 5 % at most (Holm, A simple sequentially rejective multiple test
procedure, Scandinavian Journal of Statistics 6, 1979).

Finished runs are kept with their configuration, one small file each, and not made again; one of another configuration is
refused. Full scale takes 4 min for each seed, the rest 2 min.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from sfmodel.cli.compose import composed
from sfmodel.errors import ConfigError, SfmodelError
from sfmodel.figures import save, source_of_file
from sfmodel.results.folder import open_run
from sfmodel.rows import Row, measure_rows, read_rows
from sfmodel.rows.files import platform_file
from sfmodel.rows.over_seeds import holds_over_seeds
from sfmodel.rows.table import plain_table, written
from sfmodel.running import checked, run_in_memory
from sfmodel.schema import parse_run
from sfmodel.schema.limiters import Limiter
from sfmodel.schema.quantities import InBaseUnits
from sfmodel.schema.queues import Queue
from sfmodel.schema.services import Service
from sfmodel.schema.stations import Station

LEVEL = 0.95
SCALES = (1, 3, 10, 30, 100)
NOTE = (
    "✓ the mean over the seeds is in the range, * differs from full scale: "
    "Welch's t test, 5 % over all comparisons together (Holm)"
)

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


@cache
def config_of(job: Job) -> Written:
    """What a job simulates, before it is made smaller."""
    return _simulated(parse_run(composed([*job.overrides, f"seed={job.seed}"])).written)


def _simulated(config: Mapping[str, Any]) -> Written:
    """What changes the values of a configuration, as JSON holds it: everything but its name and its traces."""
    simulated: Written = json.loads(json.dumps({**config, "name": None, "trace": None}))
    return simulated


def rows_of(overrides: Sequence[str]) -> Sequence[Row]:
    """Rows of the platform's baseline that have a range."""
    return read_rows(platform_file("rows", composed(overrides)["platform"]["name"])).judged


def measured(job: Job) -> Values:
    """Simulate one run in memory, and measure the rows."""
    config = shrunk(composed([*job.overrides, f"seed={job.seed}"]), job.scale)
    return _values(run_in_memory(config), job.overrides)


def _values(ds: Any, overrides: Sequence[str]) -> Values:
    rows = read_rows(platform_file("rows", composed(overrides)["platform"]["name"]))
    found = measure_rows(ds, rows)
    return {name: one.value for name, one in found.items() if one.value is not None}


def keep(job: Job, folder: Path, values: Values) -> None:
    """Keep what a run shows, with its configuration."""
    (folder / job.file).write_text(json.dumps({"config": config_of(job), "values": values}))


def kept_values(job: Job, folder: Path, full: Path | None) -> Values | None:
    """What was kept of a run, or is measured on one at full scale; none: it is to be made.

    Raises
    ------
    ConfigError
        What is there was made with another configuration.
    """
    if (folder / job.file).exists():
        return _read(job, folder / job.file)
    if full is None or job.scale != 1 or not (full / f"baseline-{job.seed}").exists():
        return None
    values = _from_full_run(job, full / f"baseline-{job.seed}")
    keep(job, folder, values)
    return values


def _read(job: Job, path: Path) -> Values:
    try:
        found = json.loads(path.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("config") != config_of(job):
        raise ConfigError(
            f"{path} was made with another configuration, or cut short; remove it, or choose another --folder"
        )
    values: Values = found["values"]
    return values


def _from_full_run(job: Job, run: Path) -> Values:
    with open_run(run) as ds:
        if _simulated(ds.attrs.get("config", {})) != config_of(job):
            raise ConfigError(f"{run} was made with another configuration; name another folder with --full, or none")
        return _values(ds, job.overrides)


def make_all(
    jobs: Sequence[Job], folder: Path, full: Path | None, processes: int, console: Console
) -> tuple[dict[Job, Values], dict[str, str]]:
    """What each run shows, made where it is not kept yet; and file → message of those that failed."""
    folder.mkdir(parents=True, exist_ok=True)
    shown: dict[Job, Values] = {}
    failed: dict[str, str] = {}
    missing = []
    for job in jobs:
        try:
            values = kept_values(job, folder, full)
        except SfmodelError as error:
            failed[job.file] = str(error)
            continue
        if values is None:
            missing.append(job)
        else:
            shown[job] = values
    console.print(f"{len(missing)} of {len(jobs)} runs are to be made", highlight=False)
    with ProcessPoolExecutor(processes) as pool:
        running = {pool.submit(measured, job): job for job in missing}
        for number, future in enumerate(as_completed(running), 1):
            job = running[future]
            try:
                shown[job] = future.result()
                keep(job, folder, shown[job])
                said = "finished"
            except SfmodelError as error:
                failed[job.file] = said = str(error)
            except BrokenExecutor:
                failed[job.file] = said = (
                    "its process, or one beside it, was ended, as by a machine that is out of memory"
                )
            console.print(f"{number} of {len(missing)}: 1/{job.scale}, seed {job.seed}: {said}", highlight=False)
    return shown, failed


# What they show


@dataclass(frozen=True)
class Cell:
    """One row at one scale, over the seeds."""

    row: Row
    values: tuple[float, ...]
    runs: int
    """How many runs should show it."""

    @property
    def mean(self) -> float:
        """Mean over the seeds; NaN of none."""
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def survives(self) -> bool:
        """Whether the row is met over the seeds."""
        return 0 < self.runs == len(self.values) and holds_over_seeds(self.row, self.values)

    def p_value(self, full: Cell) -> float | None:
        """P-value of Welch's t test that the mean is that of full scale; none: fewer than two values, or infinite ones."""
        a, b = np.array(self.values), np.array(full.values)
        if min(len(a), len(b)) < 2 or not np.isfinite([*a, *b]).all():
            return None
        parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
        apart = abs(a.mean() - b.mean())
        if not any(parts):
            return 0.0 if apart else 1.0
        freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
        return float(2 * t.sf(apart / np.sqrt(sum(parts)), freedom))


def different(cells: Mapping[int, Mapping[str, Cell]]) -> set[tuple[int, str]]:
    """Scale and row of each cell that differs from full scale, by Holm's step-down over all comparisons."""
    full = cells.get(1)
    if full is None:
        return set()
    every = {
        (scale, name): cell.p_value(full[name]) for scale in cells if scale != 1 for name, cell in cells[scale].items()
    }
    ordered = sorted((p, key) for key, p in every.items() if p is not None)
    found = set()
    for number, (p, key) in enumerate(ordered):
        if p > (1 - LEVEL) / (len(ordered) - number):
            break
        found.add(key)
    return found


def cells_of(rows: Sequence[Row], shown: Mapping[Job, Values]) -> dict[int, dict[str, Cell]]:
    """Scale → row → its values over the seeds; rows that no run shows, for want of traces, are left out."""
    known = {name for values in shown.values() for name in values}
    runs: dict[int, list[Values]] = {}
    for job in sorted(shown, key=lambda job: (job.scale, job.seed)):
        runs.setdefault(job.scale, []).append(shown[job])
    return {
        scale: {
            row.id: Cell(row, tuple(run[row.id] for run in found if row.id in run), len(found))
            for row in rows
            if row.id in known
        }
        for scale, found in runs.items()
    }


def lines(cells: Mapping[int, Mapping[str, Cell]]) -> list[list[str]]:
    """Head and rows of the table: a tick where the figure survives, a star where it differs from full scale."""
    scales, differ = sorted(cells), different(cells)
    found = [["row", "figure", *(f"1/{scale}" if scale > 1 else "full" for scale in scales)]]
    for name, first in cells[scales[0]].items():
        texts = []
        for scale in scales:
            one = cells[scale][name]
            star = "*" if (scale, name) in differ else ""
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
        differ = [sum(where == scale for where, _ in different(cells)) for scale in scales]
        axes.plot(
            scales, differ, "s--", color="#D55E00", label=f"differs from full scale ({1 - LEVEL:.0%} in all, Holm)"
        )
    axes.set(xscale="log", xlabel="Size, 1 in …", ylabel=f"Rows, of {total}", ylim=(0, 1.04 * total))
    axes.set_xticks(scales, [f"{scale}" for scale in scales])
    axes.minorticks_off()
    axes.legend()
    for suffix in ("svg", "png"):
        save(figure, path.with_suffix(f".{suffix}"), source_of_file(path.with_suffix(".csv")))
    plt.close(figure)


def _keep(found: Sequence[Sequence[str]], cells: Mapping[int, Mapping[str, Cell]], folder: Path) -> None:
    rule = ["---", "---", *("--:" for _ in found[0][2:])]
    page = "".join(f"| {' | '.join(line)} |\n" for line in [found[0], rule, *found[1:]])
    (folder / "scaling_down.md").write_text(f"{NOTE}\n\n{page}", encoding="utf-8")
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
        shown, failed = make_all(jobs, given.folder, given.full, given.jobs, console)
        cells = cells_of(rows, shown)
        if cells:
            found = lines(cells)
            _keep(found, cells, given.folder)
            console.print(_table(found))
    except ConfigError as error:
        print(f"scaling_down: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(
            "scaling_down: interrupted; finished runs are kept, the same command goes on with the others",
            file=sys.stderr,
        )
        return 1
    for name, reason in failed.items():
        console.print(f"{name} failed: {reason}", markup=False, highlight=False)
    return 1 if failed else 0


def _table(found: Sequence[Sequence[str]]) -> Table:
    table = plain_table(NOTE)
    for number, head in enumerate(found[0]):
        table.add_column(head, justify="left" if number < 2 else "right", overflow="fold")
    for line in found[1:]:
        table.add_row(*line)
    return table


def _numbers(text: str) -> tuple[int, ...]:
    if not all(part.isdigit() and int(part) for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"expected whole numbers with commas between, found '{text}'")
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
