"""Choose the values that the case study leaves open, so that its figures hold.

    python experiments/calibrate.py search --minutes 20      the recommendation path, by Optuna; goes on where it was
    python experiments/calibrate.py sets                     eight other sets that hold too, after sensitivity
    python experiments/calibrate.py sensitivity              each row against each value, with intervals

All simulate the recommendation path alone (recommendation_path.py), from before the peak, since a platform that can
collapse for good remembers how it came there; the last word has `make figures`, whole evenings at full scale. Beside the
rows of the peak stand those of two scenarios (scenario_rows.yaml): half of the engine must bring it down for good, a
viral upload must not. The loss of a set of values is how far its rows lie outside their ranges (less a margin), in
widths of the range, squared; inside it costs nothing. Demand at 0.97 and 1.03 counts half each.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import math
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import yaml
from foretelling import Foretelling
from numpy.typing import NDArray
from recommendation_path import recommendation_path

from sfmodel.cli.compose import composed
from sfmodel.results.intervals import interval
from sfmodel.rows import Measured, Row, Rows, measure_rows, read_rows
from sfmodel.running import run_in_memory
from sfmodel.schema.files import conf_folder
from sfmodel.schema.quantities import to_amount, to_duration_s

HERE = Path(__file__).parent
JOBS = os.cpu_count() or 1
ON_THE_PATH = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10.database", "P12.*")
IN_NORMAL_HOURS = ("N1", "N2", "N3", "N7", "N8", "N9.*", "N10", "N11", "N14")
PATH: dict[str, Any] = {"warmup": "20 min", "users": "10 M", "trace": {"one_in": 0, "limit": 1}}
PEAK: dict[str, Any] = {**PATH, "start": "19:45"}
NORMAL: dict[str, Any] = {**PATH, "start": "18:00", "until": "19:00"}
SCENARIOS: dict[str, dict[str, Any]] = {
    "f4_engine_half": {**PEAK, "until": "21:03"},
    "s1_viral_upload": {**PATH, "start": "18:45", "until": "19:30"},
}
LEVELS = {1.0: 1.0, 0.97: 0.5, 1.03: 0.5}
HOPELESS = 8.0
MARGIN = 0.1
VARIED = (
    "requests", "llm_share", "think", "stretch", "waiting_cost", "retry", "leave_after_failure", "leave_after_slow",
    "profile_contention", "vector_contention", "breathing"
)  # fmt: skip
SPREAD = 0.3  # of a range, to each side of the configuration's value; farther away the sensitivities foretell nothing
DRAWS = 20_000
APART = 0.15  # of any two sets, in ranges, without the two values that bring the platform back to where it belongs
STORM = {"P2", "P3", "P4", "P5"}
MIDDLE = 0.025  # of the range of P4
STEEP = (
    45  # roughly the power of requests in a session with which it goes: evenings of 18.2 and of 18.35, five of each,
)
# have 1.70 and 2.46 %; a wrong power only makes the next set turned less well
TURNS = 2  # of one set
TRIED = 0.02  # as near a set that was simulated needs no simulation
DOWN = 3.0  # times the end of its range: how far beyond it a row lies says nothing more, the platform is down
SEEDS = (1, 2)
STEP = 0.1  # of a value's range, for sensitivities
STEP_SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class FreeValue:
    """A value that the case study leaves open."""

    name: str
    path: str
    low: float
    high: float
    unit: str = ""
    whole: bool = False

    def written(self, value: float) -> int | float | str:
        """As it stands in a configuration."""
        return int(value) if self.whole else f"{value:g} {self.unit}" if self.unit else value

    def read(self, config: Mapping[str, Any]) -> float:
        """Find it in a configuration, in its own unit."""
        place: Any = config
        for part in self.path.split("."):
            place = place[part]
        return to_duration_s(place) if self.unit == "s" else to_amount(place)


def free_values() -> list[FreeValue]:
    """Read free_values.yaml."""
    entries = yaml.safe_load((HERE / "free_values.yaml").read_text())
    return [
        FreeValue(e["name"], e["path"], *map(float, e["range"]), e.get("unit", ""), e.get("whole", False))
        for e in entries
    ]


def path_rows(
    values: Mapping[str, float], level: float = 1.0, seed: int = 1, until: str = "21:30"
) -> dict[str, Measured]:
    """Simulate the peak, recommendation path only, and measure its rows.

    Parameters
    ----------
    values
        Name → value of free values that differ from the configuration's.
    level
        Demand relative to the baseline.
    seed
        Seed of all draws.
    until
        End; rows of the worst windows want the whole peak.
    """
    return _path(values, level, {**PEAK, "until": until, "seed": seed}, ON_THE_PATH)


def all_path_rows(values: Mapping[str, float], seed: int, until: str = "21:30") -> dict[str, Measured]:
    """Rows of an hour of normal load and of the peak."""
    return _path(values, 1.0, {**NORMAL, "seed": seed}, IN_NORMAL_HOURS) | path_rows(values, seed=seed, until=until)


def _path(
    values: Mapping[str, float], level: float, times: Mapping[str, Any], only: Sequence[str]
) -> dict[str, Measured]:
    config = _configured(values)
    config["demand"]["level"] = level
    config = recommendation_path(config)
    config.update(times)
    return _measured(config, _rows(), only)


def scenario_rows(values: Mapping[str, float], seed: int = 1) -> dict[str, Measured]:
    """Simulate the scenarios, recommendation path only, and measure their rows in scenario_rows.yaml."""
    rows = read_rows(HERE / "scenario_rows.yaml")
    found: dict[str, Measured] = {}
    for scenario, times in SCENARIOS.items():
        config = recommendation_path(_configured(values, f"scenario={scenario}"))
        config.update(**times, seed=seed)
        found |= _measured(config, rows, (f"{scenario.partition('_')[0].upper()}.*",))
    return found


def _configured(values: Mapping[str, float], *words: str) -> dict[str, Any]:
    free = {one.name: one for one in free_values()}
    given = [f"{free[name].path}={free[name].written(value)}" for name, value in values.items()]
    return dict(composed(["platform=streamflow", *words, *given]))


def _measured(config: dict[str, Any], rows: Rows, only: Sequence[str]) -> dict[str, Measured]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the second viral upload, which comes later
        return measure_rows(run_in_memory(config), rows, _with_ranges(rows, only))


def _with_ranges(rows: Rows, only: Sequence[str]) -> list[Row]:
    return [row for row in rows.only(only) if not row.reported]


def loss(measured: Mapping[str, Measured]) -> float:
    """How far rows lie outside their ranges, less a margin at each end."""
    return sum(_miss(one.row, one.value) for one in measured.values())


def _miss(row: Row, value: float | None) -> float:
    if value is None:
        return 1.0
    low, high = row.at_least, row.at_most
    width = high - low if low is not None and high is not None else 0.5 * (low if low is not None else high or 1.0)
    margin = MARGIN * width if low is not None and high is not None else 0.0
    below = (low + margin - value) / width if low is not None else 0.0
    above = (value - high + margin) / width if high is not None else 0.0
    return min(max(below, above, 0.0), 3.0) ** 2


def search(minutes: float, journal: Path, only: Sequence[str], levels: Sequence[float]) -> None:
    """Let Optuna look for values; every trial is kept in the journal."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
    sampler = optuna.samplers.TPESampler(multivariate=True, n_startup_trials=8)
    study = optuna.create_study(study_name="streamflow", storage=storage, sampler=sampler, load_if_exists=True)
    chosen = [free for free in free_values() if not only or free.name in only]
    if not study.trials:
        base = dict(composed(["platform=streamflow"]))
        study.enqueue_trial({free.name: free.read(base) for free in chosen})
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        trial = study.ask()
        values = {
            free.name: trial.suggest_int(free.name, int(free.low), int(free.high))
            if free.whole
            else trial.suggest_float(free.name, free.low, free.high)
            for free in chosen
        }
        total, shown = _judged(values, levels)
        trial.set_user_attr("rows", shown)
        study.tell(trial, total)
        met = {level: sum(one["met"] for one in rows.values()) for level, rows in shown.items()}
        print(json.dumps({"trial": trial.number, "loss": round(total, 3), "met": met, "values": values}), flush=True)


def _judged(values: Mapping[str, float], levels: Sequence[float]) -> tuple[float, dict[str, dict[str, Any]]]:
    """Loss over the levels of demand, and the rows; a hopeless baseline is not asked about the others."""
    total, shown = 0.0, {}
    for level in levels:
        measured = path_rows(values, level)
        shown[str(level)] = {name: {"value": one.value, "met": bool(one.met)} for name, one in measured.items()}
        total += LEVELS.get(level, 0.5) * loss(measured)
        if level == 1.0 and total > HOPELESS:
            return 2 * total, shown
    measured = scenario_rows(values)
    shown["scenarios"] = {name: {"value": one.value, "met": bool(one.met)} for name, one in measured.items()}
    return total + loss(measured), shown


def distinct_sets(count: int, folder: Path, sensitivities: Path, journal: Path) -> None:
    """Write sets of other habits, workers and contention that meet the rows: conf/platform/streamflow/sets/NAME.yaml.

    NAME is a, b, and so on.

    Sets are drawn from a part of the ranges, but that workers who all wait keep as many cores busy, as F1 wants. What is
    known of the rows foretells how far each set misses them; the best that is far enough from the configuration's and
    from the sets found so far is simulated, which adds to what is known. Sets that are in the folder are kept, and what
    the journal holds is not simulated again. One that lacks nothing but what goes with a high power of the load is
    simulated again with other requests in a session. What a set shows in a whole evening, and in other seeds,
    `experiments/figures.py --only baseline platform/streamflow/sets=NAME` says.
    """
    free = {one.name: one for one in free_values()}
    base = dict(composed(["platform=streamflow"]))
    here = {name: one.read(base) for name, one in free.items()}
    known = Foretelling(sensitivities, here, len(STEP_SEEDS))
    rows = _with_ranges(_rows(), (*ON_THE_PATH, *IN_NORMAL_HOURS)) + list(read_rows(HERE / "scenario_rows.yaml").judged)
    by_id = {row.id: row for row in rows}
    tried = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    for one in tried:
        _learn(known, by_id, one)
    found = [here, *({**here, **_read_set(path, free)} for path in sorted(folder.glob("?.yaml")))]
    names = [name for name in ascii_lowercase[:count] if not (folder / f"{name}.yaml").exists()]
    drawn = _drawn(free, here)
    while names:
        apart = np.min([_distances(drawn, one, free, VARIED[2:]) for one in found], axis=0) >= APART
        for one in tried:
            apart &= _distances(drawn, {**here, **one["values"]}, free, VARIED) >= TRIED
        values = _turned(tried) or _best(drawn, apart, known, by_id)
        simulated = _simulated(values, by_id)
        _learn(known, by_id, simulated)
        tried.append(simulated)
        with journal.open("a") as file:
            file.write(json.dumps(simulated) + "\n")
        print(json.dumps(simulated), flush=True)
        if not simulated["lacks"]:
            _write_set(folder / f"{names.pop(0)}.yaml", free, values)
            found.append({**here, **values})


def _drawn(free: Mapping[str, FreeValue], here: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
    """Name → values around the configuration's, shape [sets]."""
    draw = np.random.default_rng(1)
    drawn = {}
    for name in VARIED:
        half = SPREAD * (free[name].high - free[name].low)
        ends = max(free[name].low, here[name] - half), min(free[name].high, here[name] + half)
        drawn[name] = draw.uniform(*ends, DRAWS)
    drawn["workers"] = np.round(here["waiting_cost"] * here["workers"] / drawn["waiting_cost"])
    return drawn


def _distances(
    drawn: Mapping[str, NDArray[np.float64]],
    one: Mapping[str, float],
    free: Mapping[str, FreeValue],
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Of each set from one: each value in ranges, root mean square, shape [sets]."""
    parts = [(drawn[name] - one[name]) / (free[name].high - free[name].low) for name in names]
    return np.sqrt(np.mean(np.square(parts), axis=0))


def _best(
    drawn: Mapping[str, NDArray[np.float64]], among: NDArray[np.bool_], known: Foretelling, rows: Mapping[str, Row]
) -> dict[str, float]:
    """Values of the set that misses the rows least, by what is known."""
    foretold = known.at(drawn)
    misses = np.zeros(DRAWS)
    for name in set(foretold) & set(rows):
        misses += [_miss(rows[name], value) for value in foretold[name]]
    k = int(np.argmin(np.where(among, misses, np.inf)))
    return {name: float(f"{values[k]:.4g}") for name, values in drawn.items()}


def _turned(tried: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """The last set with as many requests in a session as bring its 504s to their middle, if it lacks nothing but these."""
    if not tried or not tried[-1]["lacks"] or not set(tried[-1]["lacks"]) <= STORM:
        return None
    values = dict(tried[-1]["values"])
    before = [one["values"] for one in tried[-TURNS - 1 :]]
    if len(before) > TURNS and all({**one, "requests": values["requests"]} == values for one in before):
        return None
    turn = (MIDDLE / max(tried[-1]["rows"]["P4"], 1e-3)) ** (1 / STEEP)
    turned = {**values, "requests": float(f"{values['requests'] * min(max(turn, 0.98), 1.02):.4g}")}
    return None if any(one["values"] == turned for one in tried) else turned


def _simulated(values: Mapping[str, float], rows: Mapping[str, Row]) -> dict[str, Any]:
    """The values, the means of the rows over SEEDS, and which rows they lack, those of the scenarios if no others."""
    with ProcessPoolExecutor(JOBS) as pool:
        every = list(pool.map(partial(all_path_rows, values, until="23:00"), SEEDS))
    known = [name for name in every[0] if all(one[name].value is not None for one in every)]
    means = {name: float(f"{np.mean([one[name].value for one in every]):.4g}") for name in known}
    lacks = [name for name in known if not rows[name].holds(means[name])]
    if not lacks:
        scenarios = scenario_rows(values)
        means |= {name: one.value for name, one in scenarios.items() if one.value is not None}
        lacks = [name for name, one in scenarios.items() if not one.met]
    return {"lacks": lacks, "rows": means, "values": dict(values)}


def _learn(known: Foretelling, rows: Mapping[str, Row], simulated: Mapping[str, Any]) -> None:
    ends = {name: row.at_most or row.below or math.inf for name, row in rows.items()}
    known.learn(
        simulated["values"],
        {name: min(value, DOWN * ends[name]) for name, value in simulated["rows"].items() if name in rows},
    )


def _write_set(path: Path, free: Mapping[str, FreeValue], values: Mapping[str, float]) -> None:
    config: dict[str, Any] = {}
    for name, value in values.items():
        place = config
        *folders, last = free[name].path.split(".")
        for part in folders:
            place = place.setdefault(part, {})
        place[last] = free[name].written(value)
    text = yaml.safe_dump(config, sort_keys=False)
    path.write_text(
        "# @package _global_\n"
        "# Other habits, workers and contention under which the rows of the recommendation path hold too, over seeds 1 and 2; "
        "cores,\n# timeouts and quota are the baseline's. Whole evenings of another seed: make sets.\n"
        f"{text}"
    )


def _read_set(path: Path, free: Mapping[str, FreeValue]) -> dict[str, float]:
    """The values that a set gives."""
    config = yaml.safe_load(path.read_text())
    found = {}
    for name, one in free.items():
        with contextlib.suppress(KeyError):
            found[name] = one.read(config)
    return found


def sensitivity(target: Path, only: Sequence[str]) -> None:
    """Each row with each value a part of its range lower and higher: one line for each pair of row and value.

    The elasticity is how much the logarithm of the row differs between the two, over that of the value; its interval is
    Student's, at 95 %, over the seeds.
    """
    base = dict(composed(["platform=streamflow"]))
    chosen = [free for free in free_values() if not only or free.name in only]
    with ProcessPoolExecutor(JOBS) as pool, target.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(
            ["value", "lower", "higher", "row", "measured_lower", "measured_higher", "elasticity", "low", "high"]
        )
        steps_of = {free: _steps(free, free.read(base)) for free in chosen}
        runs = {
            (free, at): [pool.submit(all_path_rows, {free.name: at}, seed) for seed in STEP_SEEDS]
            for free, steps in steps_of.items()
            for at in steps
        }
        for free, steps in steps_of.items():
            lower, higher = ([one.result() for one in runs[free, at]] for at in steps)
            for row in lower[0]:
                pairs = [(a[row].value, b[row].value) for a, b in zip(lower, higher, strict=True)]
                slopes = [math.log(b / a) / math.log(steps[1] / steps[0]) for a, b in pairs if a and b]
                over = interval(slopes) if slopes else None
                shown = [] if over is None else [f"{one:.3g}" for one in (over.mean, *(over.ends or ()))]
                means = [_mean(values) for values in zip(*pairs, strict=True)]
                out.writerow([free.name, *(f"{at:.5g}" for at in steps), row, *means, *shown])
            file.flush()


def _steps(free: FreeValue, at: float) -> tuple[float, float]:
    """Lower and higher by STEP of the range, at least by 1 where it is a whole number."""
    step = STEP * (free.high - free.low)
    step = max(1, round(step)) if free.whole else step
    return at - step, at + step


def _mean(values: Sequence[float | None]) -> str:
    known = [one for one in values if one is not None]
    return f"{np.mean(known):.5g}" if known else ""


def _rows() -> Rows:
    return read_rows(conf_folder() / "rows" / "streamflow.yaml")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    searching = commands.add_parser("search")
    searching.add_argument("--minutes", type=float, default=20)
    searching.add_argument("--journal", type=Path, default=Path("calibration.log"))
    searching.add_argument("--levels", type=float, nargs="+", default=list(LEVELS))
    searching.add_argument("--only", nargs="*", default=[], help="names in free_values.yaml (default: all)")
    distinct = commands.add_parser("sets")
    distinct.add_argument("--count", type=int, default=8)
    distinct.add_argument("-o", "--output", type=Path, default=conf_folder() / "platform" / "streamflow" / "sets")
    distinct.add_argument(
        "--sensitivities", type=Path, default=HERE / "sensitivity.csv", help="as `sensitivity` wrote them"
    )
    distinct.add_argument("--journal", type=Path, default=Path("results/sets.jsonl"), help="what was simulated")
    sensing = commands.add_parser("sensitivity")
    sensing.add_argument("-o", "--output", type=Path, default=HERE / "sensitivity.csv")
    sensing.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    if given.command == "search":
        search(given.minutes, given.journal, given.only, given.levels)
    elif given.command == "sets":
        distinct_sets(given.count, given.output, given.sensitivities, given.journal)
    else:
        sensitivity(given.output, given.only)


if __name__ == "__main__":
    main()
