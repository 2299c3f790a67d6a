"""Metastable failures of the literature on this simulator, beside what was published of them.

    python experiments/literature.py                     all three cases, 3 seeds of each, into experiments/literature.csv
    python experiments/literature.py --seeds 2 --only retries,cache --out /tmp/some.csv

retries   A database whose clients try again: its processors are throttled for some seconds. Four runs with known outcomes.
cache     A look-aside cache before a database: the cache is emptied. Loads at which it recovers, or not, are known.
server    One server with a short queue: how long it takes from full to empty. A Markov chain was published for it.

What is published, and where, stands in PUBLISHED and in experiments/literature.md, with what is chosen. A run recovered if
95 % or more of the requests of its last seconds were answered in time. Each line of the table is a setting over all seeds:
how many recovered, with the 95 % interval of Clopper and Pearson (Biometrika 26, 1934).

Eleven minutes of processor time: some six on two cores.
"""

from __future__ import annotations

import argparse
import csv
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.sparse import csr_matrix, lil_matrix
from scipy.sparse.linalg import spsolve

import sfmodel
from sfmodel.results.intervals import share_ends

OUT = Path(__file__).parent / "literature.csv"
RECOVERED = 0.95
"""Share of requests answered in time from which on a platform is back."""


@dataclass(frozen=True)
class Setting:
    """One line of the table: a platform, what is changed in it, what was published of it."""

    case: str
    """Name of the case, and of its platform."""
    about: str
    """What it shows."""
    at: dict[str, str]
    """Where it stands: parameter → value."""
    overrides: tuple[str, ...]
    """Words that make it so."""
    until: str
    """End of the run."""
    root: str
    """Endpoint of the requests."""
    last_s: int
    """Length of what is judged, at the end of the run."""
    published: str = ""
    """recovers, or stays down; nothing where it was not published."""


@dataclass(frozen=True)
class Outcome:
    """What a run showed."""

    answered: float
    """Share of the last requests that were answered in time."""
    before: float
    """Mean hit rate before the trigger; NaN without a cache."""
    drained_s: float
    """From the end of the burst until the queue was first empty; infinite where it never was, NaN where nobody asked."""

    @property
    def recovered(self) -> bool:
        """Whether it is back."""
        return self.answered >= RECOVERED


# Retries

TRIGGERS = {
    "10 s, -77.5 % CPU": (10, 0.225, 1.0, "recovers"),
    "10 s, -80 % CPU": (10, 0.2, 1.0, "stays down"),
    "9 s, -80 % CPU": (9, 0.2, 1.0, "recovers"),
    "10 s, -80 % CPU, -30 % load": (10, 0.2, 0.7, "recovers"),
}
"""Retry_Metastability/README.md (outcomes) and client/experiments.sh (CPU and seconds): s, share of the speed, of the load."""
CAPACITY = 1000
"""Requests/s of the platform's database."""


def retries() -> Iterator[Setting]:
    """The four published runs at several loads, and size against duration of the trigger at the load that fits them."""
    for load in (0.34, 0.35, 0.36, 0.37, 0.38, 0.39, 0.40, 0.42):
        for name, (seconds, speed, share, published) in TRIGGERS.items():
            yield _retried("four runs", {"load": f"{load:.2f}", "trigger": name}, load * share, seconds, speed, published)
    for seconds in (5, 10, 20, 40):
        for speed in (0.4, 0.3, 0.2, 0.1, 0.01):
            at = {"load": "0.38", "trigger": f"{seconds} s, -{100 * (1 - speed):.0f} % CPU"}
            yield _retried("size against duration", at, 0.38, seconds, speed, "")
    for load in (0.15, 0.19, 0.21, 0.25):  # five attempts of each: below a fifth the backlog goes, however slowly
        yield _retried("edge of the vulnerable loads", {"load": f"{load:.2f}", "trigger": "60 s, -99 % CPU"}, load, 60, 0.01, "")


def _retried(about: str, at: dict[str, str], load: float, seconds: int, speed: float, published: str) -> Setting:
    change = f"scale: {{services.primary.stations.cpu.speed: {speed}}}"
    words = (
        "scenario=literature/retries",
        f"platform.sources.inserts.rate={load * CAPACITY}/s",
        f"++scenario.events=[{{at: 60 s, for: {seconds} s, {change}}}]",
    )
    until = 160 if seconds <= 10 else 400
    return Setting("retries", about, at, words, f"{until} s", "client.insert", 20, published)


# Cache

FLUSH = {"80 %": {60: "recovers", 120: "recovers", 180: "stays down", 240: "stays down", 300: "stays down"},
         "95 %": {60: "recovers", 120: "recovers", 180: "recovers", 240: "stays down", 300: "stays down"}}  # fmt: skip
"""Main/hitrate_vulnerability_region_config.json: smallest trigger that lasts at each load; -1: not even emptying it all."""
ALONE = {"80 %": {360: "recovers", 420: "stays down", 600: "stays down"}, "95 %": {1200: "recovers"}}
"""The same file: 0 is a load that is too much without any trigger."""
POPULARITY = {"80 %": ("1.00001", 1_700_000), "95 %": ("1.14165", 5_000_000)}
"""Exponent (alpha2 and alpha1 of Main/config_file_hitrate_test.json), and how much fills the cache (chosen)."""
CHOSEN_MS, MEASURED_MS = 2.5, 2.65
"""Time of a tenth of a miss at the database: chosen, 80 misses/s in all; and by the processors' time in
LoadGenerator/bkup/db_utilization_test/arr_63_data.txt (56 % user and 27 % system of two processors at 63 misses/s)."""


def cache() -> Iterator[Setting]:
    """The cache emptied at several loads and capacities of the database, and not emptied at high loads."""
    for query_ms in (CHOSEN_MS, MEASURED_MS, 3.0):
        for hits, loads in FLUSH.items():
            for load, published in loads.items():
                yield _cached("emptied", hits, load, query_ms, "literature/cache_flush", published)
    for hits, loads in ALONE.items():
        for load, published in loads.items():
            yield _cached("left alone", hits, load, CHOSEN_MS, "none", published)


def _cached(about: str, hits: str, load: int, query_ms: float, scenario: str, published: str) -> Setting:
    exponent, count = POPULARITY[hits]
    words = (
        f"scenario={scenario}",
        f"platform.constants.query.exponential={query_ms} ms",
        f"platform.content.popularity={exponent}",
        f"platform.sources.requests.rate={load}/s",
        f"platform.sources.fill.spikes=[{{at: 0 s, count: {count}, for: 50 s}}]",
    )
    at = {"hit rate": hits, "load": f"{load}/s", "capacity": f"{200 / query_ms:.0f} misses/s"}
    return Setting("cache", about, at, words, "150 s", "load.request", 10, published)


# Server

SERVICE_PER_S, TIMEOUT_S, RETRIES, QUEUE = 10.0, 3.0, 4, 100
"""Metafor's first example (README.md)."""
BURST_END_S = 460
"""When scenario=literature/burst is over."""
LONG_S = 3600


def server() -> Iterator[Setting]:
    """From full to empty at several loads."""
    for load in (1.0, 1.4, 1.6, 1.8, 1.9, 2.0, 2.1, 2.2, 2.5, 3.0, 4.0, 6.0, 9.5):
        words = ("scenario=literature/burst", f"platform.sources.requests.rate={load}/s")
        until = f"{BURST_END_S + LONG_S} s"
        yield Setting("server", "from full to empty", {"load": f"{load}/s"}, words, until, "client.request", 60)


def drain_s(arrivals_per_s: float, share: float, orbit: int) -> float:
    """Mean time from full to empty by the Markov chain of queue and orbit.

    Rates as in Metafor's SingleServerCTMC (metafor/ctmc_model/single_server/ctmc.py, commit 36ffcd2): a request finds q
    others and will time out with a probability by Chebyshev's inequality of q exponential times; so many of those that
    time out as `share` says come into the orbit; each there tries again, or gives up, on average once in a timeout.

    Parameters
    ----------
    arrivals_per_s
        Rate of new requests.
    share
        Metafor's alpha, by which the chain is fitted to simulations; 0.25 unless told otherwise.
    orbit
        Places in the orbit.
    """
    per_place = 1 / ((RETRIES + 1) * TIMEOUT_S)
    late = _late()
    generator = lil_matrix((QUEUE * orbit, QUEUE * orbit))

    def goes(queue: int, waiting: int, to: tuple[int, int], rate: float) -> None:
        here, there = waiting * QUEUE + queue, to[1] * QUEUE + to[0]
        generator[here, there] += rate
        generator[here, here] -= rate

    for waiting in range(orbit):
        again, gone = waiting * RETRIES * per_place, waiting * per_place
        for queue in range(QUEUE):
            if queue:
                goes(queue, waiting, (queue - 1, waiting), SERVICE_PER_S)
            if queue == QUEUE - 1:
                if waiting:
                    goes(queue, waiting, (queue, waiting - 1), again + gone)
                continue
            goes(queue, waiting, (queue + 1, waiting), arrivals_per_s + again * late[queue])
            if waiting < orbit - 1 and late[queue]:
                goes(queue, waiting, (queue + 1, waiting + 1), share * arrivals_per_s * late[queue])
            if waiting:
                goes(queue, waiting, (queue + 1, waiting - 1), again * (1 - late[queue]))
                goes(queue, waiting, (queue, waiting - 1), gone)
    return _hitting_time(csr_matrix(generator))


def _late() -> NDArray[np.float64]:
    places = np.arange(QUEUE)
    spare_s, deviation_s = TIMEOUT_S - places / SERVICE_PER_S, np.sqrt(places) / SERVICE_PER_S
    with np.errstate(divide="ignore"):
        return np.where(spare_s > deviation_s, (deviation_s / spare_s) ** 2, 1.0)


def _hitting_time(generator: csr_matrix) -> float:
    """Mean time from the last state to the first."""
    times = spsolve(generator[1:, 1:].tocsc(), -np.ones(generator.shape[0] - 1))
    return float(times[-1])


# What is done


CASES = {"retries": retries, "cache": cache, "server": server}


def run_one(setting: Setting, seed: int) -> Outcome:
    """Simulate a setting once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is said of settling: these platforms are not meant to settle
        model = sfmodel.load(f"literature/{setting.case}", *setting.overrides)
        return outcome_of(model.run(until=setting.until, seed=seed), setting)


def outcome_of(ds: xr.Dataset, setting: Setting) -> Outcome:
    """Judge a run."""
    ended = ds["endpoint_outcomes"].sel(endpoint=setting.root).values[-setting.last_s :].sum(axis=0)
    answered = ended[list(ds["outcome"].values).index("ok")] / max(ended.sum(), 1)
    before, drained = np.nan, np.nan
    if setting.case == "cache":
        windows = (ds["time"].values >= 51) & (ds["time"].values < 75)
        hits, misses = (ds[name].values[windows].sum() for name in ("cache_hits", "cache_misses"))
        before = hits / (hits + misses)
    if setting.case == "server":
        after = ds["time"].values >= BURST_END_S
        empty = np.flatnonzero(after & (ds["station_queue"].values[:, 0] == 0))
        drained = float(ds["time"].values[empty[0]] - BURST_END_S) if len(empty) else np.inf
    return Outcome(float(answered), float(before), float(drained))


def line_of(setting: Setting, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """One setting over its seeds, as it is written to the table."""
    back = sum(one.recovered for one in outcomes)
    low, high = share_ends(back, len(outcomes))
    drained = np.array([one.drained_s for one in outcomes])
    return {
        "case": setting.case,
        "about": setting.about,
        "setting": ", ".join(f"{name} {value}" for name, value in setting.at.items()),
        "published": setting.published,
        "recovered": f"{back} of {len(outcomes)}",
        "probability": f"{low:.2f} to {high:.2f}",
        "answered": f"{np.mean([one.answered for one in outcomes]):.3f}",
        "hit rate before": _number(float(np.mean([one.before for one in outcomes]))),
        "full to empty, median (s)": _number(float(np.median(drained))),
        "full to empty, Metafor (s)": "",
        "full to empty, Metafor fitted (s)": "",
    }


def with_chain(line: dict[str, str], load: float) -> dict[str, str]:
    """Add what the Markov chain says: as Metafor has it, and fitted so that one request makes as many as it can."""
    fitted = RETRIES / (RETRIES + 1)  # 1 + share (1 + retries) = 1 + retries
    return {
        **line,
        "full to empty, Metafor (s)": _number(drain_s(load, 0.25, 20)),
        "full to empty, Metafor fitted (s)": _number(drain_s(load, fitted, 100)),
    }


def _number(value: float) -> str:
    return "" if np.isnan(value) else "never" if np.isinf(value) else f"{value:.3g}"


def agreement(lines: Sequence[dict[str, str]]) -> Iterator[tuple[str, int, int]]:
    """For each group of settings with a published outcome: how many of them have it in most seeds."""
    groups: dict[str, list[bool]] = {}
    for line in lines:
        if line["published"]:
            back, _, of = line["recovered"].partition(" of ")
            parts = line["setting"].split(", ")
            key = parts[0] if line["case"] == "retries" else f"{line['about']}, {parts[-1]}"
            is_back = 2 * int(back) > int(of)
            groups.setdefault(f"{line['case']}: {key}", []).append(is_back == (line["published"] == "recovers"))
    for group, right in groups.items():
        yield group, sum(right), len(right)


def main(words: Sequence[str]) -> int:
    """Run what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES), help="cases, with commas")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each setting")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args(words)
    unknown = sorted(set(arguments.only.split(",")) - set(CASES))
    if unknown or arguments.seeds < 1:
        parser.error(f"--only: there is no {unknown[0]}; valid are {', '.join(CASES)}" if unknown else "--seeds: at least 1")
    settings = [setting for case in arguments.only.split(",") for setting in CASES[case]()]
    jobs = [(setting, seed) for setting in settings for seed in range(1, arguments.seeds + 1)]
    with ProcessPoolExecutor(arguments.processes) as pool:
        found = pool.map(run_one, *zip(*jobs, strict=True))
        outcomes = list(track(found, "simulating", total=len(jobs), console=Console(stderr=True)))
    lines = []
    for k, setting in enumerate(settings):
        line = line_of(setting, outcomes[k * arguments.seeds : (k + 1) * arguments.seeds])
        lines.append(with_chain(line, float(setting.at["load"][:-2])) if setting.case == "server" else line)
    with arguments.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    console = Console()
    table = Table(*("setting", "published", "recovered", "answered", "hits", "full to empty", "Metafor", "fitted"))
    for line in lines:
        table.add_row(f"{line['case']}: {line['setting']}", *[v for n, v in line.items() if n not in _LEFT_OUT])
    console.print(table)
    for group, right, of in agreement(lines):
        console.print(f"{group}: {right} of {of} as published")
    return 0


_LEFT_OUT = ("case", "about", "setting", "probability")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
