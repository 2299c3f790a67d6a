"""The case study, answered: where it hurts, how it spreads, what breaks it, what to change first; a page of text and reports.

    python experiments/casestudy.py            full scale, into results/casestudy: two hours and a half on two cores at most
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

from casestudy_page import MAP, MODES, write_page
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sfmodel.provenance import sources_hash
from sfmodel.results.folder import is_finished

FOLDER = Path("results/casestudy")
KEPT = "done.json"
CHANGES = "sweep=one_at_a_time"
STORMS = ("f1_at_peak", "s1_at_peak", "f4_engine_half")


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
    times = ("start=19:30", "until=21:00") if quick else ()
    storm = ("start=19:30", "until=21:15" if quick else "until=22:00")
    collapse = ("start=19:30", "until=21:15" if quick else "until=21:30")
    seeds = "seed=1" if quick else "seed=1,2"
    ends = "until=20:45" if quick else "until=21:30"
    scale = 1.0 if quick else 4.0

    def made(name: str, answer: str, minutes: float, *words: str) -> Task:
        return Task(name, ("run", f"name={name}", *words, *common), answer, minutes, name)

    def asked(name: str, answer: str, minutes: float, *words: str, **more: Any) -> Task:
        return Task(name, words, answer, minutes, **more)

    evening = made("evening", "bottlenecks", 2 * scale, *times, "trace.one_in=2500", "trace.limit=4000000")
    storms = {
        name: made(name, "cascades", scale, f"scenario={name}", *(collapse if "f4" in name else storm), "trace.one_in=2500")
        for name in STORMS
    }
    quiet = made(
        "quiet", "alerts", 1.5 * scale, "demand=flat", "+demand.breathing={cv: 3.5 %, correlation: 42 s}", "start=19:30",
        "until=20:30" if quick else "until=22:00", f"replications={2 if quick else 10}", "trace.one_in=0",
    )  # fmt: skip
    several = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={os.cpu_count() or 1}", "hydra.sweep.dir=runs/changes")
    changes = asked(
        "changes", "changes", 9 * scale, "run", "-m", CHANGES, seeds, "start=19:30", "switch_on=19:30", ends, "trace.one_in=0",
        "scenario=none" if quick else "scenario=none,f1_at_peak", "forks=['19:30']" if quick else "forks=['19:30','21:00']",
        *several, *common, sweep="runs/changes",
    )  # fmt: skip
    cut = STORMS[:1] if quick else STORMS
    counted = ("--most", "4", "--seeds", "1") if quick else ("--seeds", "2")
    peak = ("--hours", "20:15", "21:00" if quick else "23:00")
    after = [
        asked("figures", "bottlenecks", 0.5, "figures", "evening", "--json", good=(0, 1)),
        asked("hurts", "bottlenecks", 0.3, "diagnose", "evening", *peak, "--json"),
        asked("time", "queues", 0.3, "profile", "evening", *peak, "--json"),
        asked("claims", "claims", 0.3, "check", "streamflow", "evening", *STORMS, "--json", good=(0, 1, 3)),
        *(asked(f"alerts-{name}", "alerts", 0.2, "alerts", name, "--json") for name in STORMS),
    ]
    alone = [
        *(
            asked(f"spread-{name}", "cascades", 0.3 * scale, "diagnose", name, *(("--ablate",) if name in cut else ()), "--json")
            for name in STORMS
        ),
        quiet,
        asked("alerts-quiet", "alerts", 0.2, "alerts", "quiet", "--json"),
        asked("more", "bottlenecks", 1.5 * scale, "bottlenecks", "evening", "--hours", "20:30", "21:00", *counted, "--json"),
        asked("modes", "modes", 2 if quick else 25, "failure-modes", "--within", "2min" if quick else "25min", "--at", "20:30",
              "--folder", MODES, "--json", *common),
        asked("map", "loops", 2 if quick else 30, "metastability", "--within", "2min" if quick else "30min", "--folder", MAP,
              "-o", "map.svg", *common),
        changes,
        asked("effects", "changes", 0.3, "effects", "changes", "--json"),
        *(
            asked(f"report-{run}", "reports", 0.2, "report", run, "-o", f"report-{run}.html")
            for run in ("evening", *STORMS, "changes")
        ),
    ]  # fmt: skip
    return [(evening, *storms.values()), tuple(after), *((task,) for task in alone)]


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
        if status not in task.good:
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
    missing = [[task for task in stage if not study.is_done(task)] for stage in every]
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
