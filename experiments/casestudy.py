"""The case study, answered: where it hurts, how it spreads, what breaks it, what to change first; a page of text and reports.

    python experiments/casestudy.py            full scale, into results/casestudy: about two hours
    python experiments/casestudy.py --quick    shorter windows and one seed, a quarter of an hour; the page says so
    python experiments/casestudy.py --list     the tasks, and how long each takes about

Each task is a command of sfmodel, which anyone can type. What it prints is kept, with how long it took; the same command goes on
where it was stopped, and finds again what is already there if the code and the words are the same. The page is written of what
there is: where a task failed, it says so. Words of the form key=value go to every run.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casestudy_found import TITLES, TRIGGER_S
from casestudy_page import MAP, MODES, write_page
from omegaconf import OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sfmodel.clock import clock
from sfmodel.provenance import sources_hash
from sfmodel.report.words import joined
from sfmodel.results.folder import is_finished
from sfmodel.schema.files import conf_folder

FOLDER = Path("results/casestudy")
KEPT = "done.json"
CHANGES = "sweep=one_at_a_time"
DESIGN = "metastability/streamflow.yaml"
STORMS = tuple(TITLES)


@dataclass(frozen=True)
class Task:
    """One command of sfmodel."""

    name: str
    words: tuple[str, ...]
    answer: str
    """Which answer it is a part of; see `casestudy_page.ANSWERS`."""
    minutes: float
    """How long it takes on two cores, about."""
    run: str | None = None
    """Run that it makes; none: it prints what is kept."""
    sweep: str | None = None
    """Folder of a sweep that it makes, which goes on where it was stopped."""
    good: tuple[int, ...] = (0,)
    """Exit statuses of which it prints what it found: 1 and 3 of claims that do not hold."""


Stage = tuple[Task, ...]
"""Tasks that go on at the same time, one process each; a single one may take all cores."""


def stages(quick: bool, common: Sequence[str]) -> list[Stage]:
    """All tasks, in the order in which they are made."""
    own = quickly(common) if quick else in_full(common)
    after = [
        asked("hurts", "bottlenecks", 0.3, "diagnose", "evening", *own.peak, "--json"),
        asked("time", "queues", 0.3, "profile", "evening", *own.peak, "--json"),
        *(asked(f"alerts-{name}", "alerts", 0.2, "alerts", name, "--json") for name in ("evening", *STORMS)),
    ]
    reports = (asked(f"report-{run}", "reports", 0.2, "report", run, "-o", f"report-{run}.html")
               for run in ("evening", *STORMS, "changes"))  # fmt: skip
    alone = [
        *own.spread, own.quiet, asked("alerts-quiet", "alerts", 0.2, "alerts", "quiet", "--json"), own.more, *own.modes, own.map,
        own.changes, asked("effects", "changes", 0.3, "effects", "changes", "--json"),
        asked("claims", "claims", 0.3, "check", "streamflow", "evening", *STORMS, "changes", "--json", good=(0, 1, 3)), *reports,
    ]  # fmt: skip
    return [own.runs, tuple(after), *((task,) for task in alone)]


@dataclass(frozen=True)
class Own:
    """What differs between the whole and the quick study."""

    runs: Stage
    """The evening, the storms, and what these are beside."""
    peak: tuple[str, str, str]
    """The hours of the evening that are looked at."""
    spread: tuple[Task, ...]
    """Who drags down whom, in each storm."""
    quiet: Task
    more: Task
    modes: tuple[Task, ...]
    map: Task
    changes: Task


def made(name: str, answer: str, minutes: float, *words: str) -> Task:
    """A run."""
    return Task(name, ("run", f"name={name}", *words), answer, minutes, name)


def asked(name: str, answer: str, minutes: float, *words: str, **more: Any) -> Task:
    """A question to runs that are there, or that makes its own."""
    return Task(name, words, answer, minutes, **more)


ASKED_ABOUT = ("--endpoint", "gateway.recommendations")
"""What the case study asks about; they are one in twenty of all requests."""
SUSPECTS = ("--of", "engine.cpu,engine.workers,vectordb.queries,llm.quota,profile.database,cache.connections", *ASKED_ABOUT)
"""What it suspects: engine, vector database, LLM, profile database, cache. A hundredth more of one changes less than what
differs by chance in an hour, so that a tenth is tried."""
WRONG = ("*slower", "*limit", "*ttl", "*demand", "*retries", "*more", "*invalidated")
SOUGHT = (*(word for what in WRONG for word in ("--only", what)), "--horizon", "8min", "--explore", "0", "--most", "3")
"""What may go wrong, for four minutes at most: a place at which something is served is slower, a quota is lower, entries expire
sooner, more is asked. All 85 places, and pairs, take hours."""
SET_BY_TASKS = frozenset({"name", "scenario", "intervention", "seed", "replications", "start", "until", "switch_on", "forks"})
"""Keys that each task sets, or whose results it would not know."""
END = "22:00"
"""When storms and changes end."""
QUIET = ("demand=flat", "+demand.breathing={cv: 3.5 %, correlation: 42 s}", "trace.one_in=0")
TRACED = ("trace.one_in=2500", "trace.limit=4000000")


def in_full(common: Sequence[str]) -> Own:
    """Full scale, whole evenings, two seeds: within 150 minutes on two cores. All storms run through the same hours, so that
    what is usual is the same."""
    hours = ("start=19:30", f"until={END}")
    plain = made("plain", "cascades", 3, *hours, *TRACED, *common)
    storms = tuple(made(name, "cascades", 3, f"scenario={name}", *hours, *TRACED, *common) for name in STORMS)
    return Own(
        (made("evening", "bottlenecks", 6, *TRACED, *common), *storms, plain),
        ("--hours", "20:15", "23:00"),
        tuple(spread(name, 4, END, "--ablate") for name in STORMS),
        made("quiet", "alerts", 5, *QUIET, "start=19:30", "until=21:30", "replications=10", *common),
        asked("more", "bottlenecks", 14, "bottlenecks", "evening", "--hours", "20:15", "21:15", *SUSPECTS, "--json"),
        (asked("modes", "modes", 20, "failure-modes", "--within", "20min", "--at", "20:30", *SOUGHT, "--folder", MODES, "--json",
               "start=19:30", *common),),
        asked("map", "loops", 20, "metastability", "--within", "20min", "--folder", MAP, "-o", "map.svg", *common),
        changes(50, "scenario=none,f1_at_peak,s1_at_peak", "seed=1,2", "switch_on=19:30", *hours, "forks=['19:30','21:00']",
                *common),
    )  # fmt: skip


def quickly(common: Sequence[str]) -> Own:
    """Full scale, minutes around the triggers after a short warm-up, one seed: within a quarter of an hour on two cores."""
    common = ("warmup=20min", *common)
    when = dict.fromkeys(STORMS, ("start=20:40", "until=21:04")) | {"f4_engine_half": ("start=20:20", "until=20:38")}
    storms = tuple(made(name, "cascades", 1.5, f"scenario={name}", *when[name], *TRACED, *common) for name in STORMS)
    return Own(
        (made("evening", "bottlenecks", 1.5, "start=20:15", "until=20:40", *TRACED, *common), *storms),
        ("--hours", "20:15", "20:40"),
        tuple(
            spread(name, 2 if name == STORMS[0] else 0.2, when[name][1].removeprefix("until="),
                   *(("--ablate",) if name == STORMS[0] else ()))
            for name in STORMS
        ),
        made("quiet", "alerts", 0.7, *QUIET, "start=20:00", "until=20:30", "replications=2", *common),
        asked("more", "bottlenecks", 1.5, "bottlenecks", "evening", "--hours", "20:30", "20:40", "--most", "3", "--seeds", "1",
              *ASKED_ABOUT, "--json"),
        (),
        asked("map", "loops", 1.5, "metastability", "--within", "3min", "--seeds", "1", "--depth", "0", "--no-hysteresis",
              "--folder", MAP, "-o", "map.svg", *common),
        changes(3.5, "seed=1", "start=20:10", "switch_on=20:10", "until=20:25", "scenario=none", "forks=['20:10']", *common),
    )  # fmt: skip


def changes(minutes: float, *words: str) -> Task:
    """Every intervention alone, and all together; with seeds last, so that runs at the same time make worlds of their own."""
    several = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={os.cpu_count() or 1}", "hydra.sweep.dir=runs/changes")
    return asked("changes", "changes", minutes, "run", "-m", CHANGES, *words, "trace.one_in=0", *several, sweep="runs/changes")


def spread(storm: str, minutes: float, until: str, *words: str) -> Task:
    """Who drags down whom in a storm, and what is then left of each edge that is cut."""
    hours = ("--hours", clock(TRIGGER_S[storm]), until)
    return asked(f"spread-{storm}", "cascades", minutes, "diagnose", storm, *hours, *words, "--json")


def write_small_map(folder: Path) -> None:
    """The platform's map of metastability with two cells of one load, for the quick study."""
    design = OmegaConf.load(conf_folder() / DESIGN)
    small = {"load": {"levels": [2.5]}, "trigger": {"sizes": ["50 %", "90 %"], "durations": ["2 min"]}, "horizon": "8 min"}
    path = folder / "conf" / DESIGN
    path.parent.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.merge(design, small), path)


class Study:
    """The folder of the case study: what is there, and how long it took."""

    def __init__(self, folder: Path) -> None:
        """Read what is there."""
        self.folder = folder
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        path = folder / KEPT
        self.kept: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._sources, self._lock = sources_hash(), threading.Lock()

    def is_done(self, task: Task) -> bool:
        """Whether it is there."""
        if not self.kept.get(task.name, {}).get("ended"):
            return False
        return is_finished(self._run(task)) if task.run else self._printed(task).exists()

    def missing(self, every: Sequence[Stage]) -> list[list[Task]]:
        """Of each stage what is not there, or asks of a run that is not."""
        names, found = set[str](), list[list[Task]]()
        for stage in every:
            found.append([task for task in stage if not self.is_done(task) or names & {*task.words}])
            names |= {task.name for task in found[-1]}
        return found

    def other(self, task: Task) -> str | None:
        """What the task that is there is not of: other words, or other code; none: nothing."""
        kept = self.kept.get(task.name)
        if kept is None or (kept["words"] == list(task.words) and kept["sources"] == self._sources):
            return None
        return "words" if kept["words"] != list(task.words) else "code"

    def make(self, task: Task) -> str | None:
        """Run it; none, or what went wrong."""
        begins, before = time.monotonic(), self.kept.get(task.name, {}).get("seconds", 0.0)
        words, part = list(task.words), self._printed(task).with_suffix(".part")
        if task.sweep and (self.folder / task.sweep / "sweep.json").exists():
            words = ["run", f"resume={task.sweep}"]
        log = self.folder / "logs" / f"{task.name}.log"
        with part.open("w", encoding="utf-8") as out, log.open("w", encoding="utf-8") as errors:
            command = [sys.executable, "-m", "sfmodel", *words]
            status = subprocess.run(command, cwd=self.folder, stdout=out, stderr=errors, check=False).returncode
        failed = None
        if status not in task.good or not _is_whole(part, task):
            text = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
            failed = text[-1].strip() if text else f"it ended with status {status}"
        else:
            part.replace(self._printed(task))
        with self._lock:
            self._keep(task, before + time.monotonic() - begins, failed)
        return failed

    def _keep(self, task: Task, seconds: float, failed: str | None) -> None:
        self.kept[task.name] = {
            "words": list(task.words), "sources": self._sources, "answer": task.answer,
            "seconds": seconds, "ended": failed is None, "failed": failed,
        }  # fmt: skip
        written = self.folder / f"{KEPT}.part"
        written.write_text(json.dumps(self.kept, indent=2), encoding="utf-8")
        written.replace(self.folder / KEPT)

    def _printed(self, task: Task) -> Path:
        return self.folder / f"{task.name}.json"

    def _run(self, task: Task) -> Path:
        return self.folder / "runs" / str(task.run)


def _is_whole(printed: Path, task: Task) -> bool:
    """Whether what a task printed can be read, if it is to be."""
    if "--json" not in task.words:
        return True
    try:
        json.loads(printed.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def main(words: Sequence[str] | None = None) -> int:
    """Make what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter windows, one seed")
    parser.add_argument("--list", action="store_true", help="list the tasks")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time (default: as many as cores)"
    )
    parser.add_argument(
        "--folder", type=Path, help="where everything goes (default: results/casestudy, with --quick …-quick)"
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for every run")
    given = parser.parse_intermixed_args(words)
    own = [word for word in given.overrides if word.lstrip("+~").partition("=")[0] in SET_BY_TASKS]
    if own:
        print(f"casestudy: {own[0]}: {joined(sorted(SET_BY_TASKS))} are the study's own; leave it out", file=sys.stderr)
        return 2
    every = stages(given.quick, given.overrides)
    if given.list:
        for task in (task for stage in every for task in stage):
            print(f"{task.minutes:5.1f} min  sfmodel {shlex.join(task.words)}")
        return 0
    study = Study(given.folder or (FOLDER.with_name(f"{FOLDER.name}-quick") if given.quick else FOLDER))
    for task in (task for stage in every for task in stage):
        if other := study.other(task):
            there = f"casestudy: {study.folder} has {task.name} made with other {other}"
            print(f"{there}; remove the folder, or choose another --folder", file=sys.stderr)
            return 2
    (study.folder / "conf" / DESIGN).unlink(missing_ok=True)
    if given.quick:
        write_small_map(study.folder)
    try:
        failed = make_all(study, every, given.jobs)
    except KeyboardInterrupt:
        print("casestudy: interrupted; what is finished is kept, the same command goes on", file=sys.stderr)
        return 1
    page = write_page(study.folder, study.kept, given.quick)
    print(f"{page} is the answer")
    return 1 if failed else 0


def make_all(study: Study, every: Sequence[Stage], jobs: int) -> dict[str, str]:
    """Make what is missing, stage by stage; name → what went wrong."""
    console, failed = Console(stderr=True), dict[str, str]()
    missing = study.missing(every)
    minutes = sum(task.minutes for stage in missing for task in stage)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task(f"the case study, about {minutes:.0f} min", total=minutes)

        def made(task: Task) -> None:
            console.print(
                f"{clock_now()}  {task.name}: sfmodel {escape(shlex.join(task.words))}", soft_wrap=True, highlight=False
            )
            reason = study.make(task)
            if reason is not None:
                failed[task.name] = reason
                console.print(
                    f"{task.name} failed: {reason}; {study.folder / 'logs' / task.name}.log",
                    markup=False,
                    soft_wrap=True,
                )
            bars.advance(bar, task.minutes)

        for stage in missing:
            with ThreadPoolExecutor(jobs) as pool:
                list(pool.map(made, stage))
    return failed


def clock_now() -> str:
    """The time of day."""
    return time.strftime("%H:%M")


if __name__ == "__main__":
    sys.exit(main())
