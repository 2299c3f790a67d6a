"""Which change to make, by a deadline. Changes are run seed by seed from a world that all share; time goes where the contest is
close. Stopped at any moment (Ctrl-C) it says what it knows. Each run is kept, and the same folder goes on from there."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.errors import ConfigError, RunError, nearest

if TYPE_CHECKING:
    from rich.table import Table

    from sfmodel.aims import Aim
    from sfmodel.sweeps.deciding import Decision, Job

NAME = "decide"
NO_CHANGE = "none"
USUAL = "response_mean"
"""What changes of a platform without aims are ranked by."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--within", default="20min", help="time that it may take (default: 20min)")
    parser.add_argument("--platform", default="streamflow", help="platform (default: streamflow)")
    parser.add_argument(
        "--changes", help="sets of interventions, such as llm_timeout,vector_cache,llm_timeout+vector_cache"
    )
    parser.add_argument(
        "--aim", help="what they are ranked by, a key of summary.json (default: the platform's first aim)"
    )
    parser.add_argument("--no-storm", action="store_true", help="do not try the best in the platform's storm")
    parser.add_argument(
        "--processes", type=int, help="runs at a time (default: as many as there are cores and memory for)"
    )
    parser.add_argument("--folder", type=Path, help="where runs go (default: runs/decide-…)")
    parser.add_argument("overrides", nargs="*", help="keys of all runs, as of 'sfmodel run': demand.level=1.03")


def execute(arguments: argparse.Namespace) -> int:
    """Run until the deadline and print the answer."""
    from sfmodel.schema.quantities import to_duration_s
    from sfmodel.sweeps.deciding import Decision, run_until

    try:
        within_s = to_duration_s(arguments.within)
    except ValueError as error:
        raise ConfigError(f"--within: {error}") from None
    if within_s < 1:
        raise ConfigError(f"--within: expected a second at least, found {arguments.within}")
    setting = _setting(arguments.platform)
    changes = _changes(arguments.changes, setting)
    aim = _aim(arguments.platform, arguments.aim)
    storm = [] if arguments.no_storm else list(setting.get("storm", ()))
    words = [f"platform={arguments.platform}", *setting.get("overrides", ()), *arguments.overrides]
    folder = arguments.folder or Path("runs") / time.strftime(f"{NAME}-%Y%m%d-%H%M%S")
    decision = Decision(changes, more_is_better=aim.better == "more")
    deadline = time.monotonic() + within_s
    runs = _Runs(words, storm, folder, aim.id, arguments.processes, deadline)
    show = partial(_show, decision, deadline)
    print(
        f"{len(changes)} changes, by {aim.title.lower()}, within {arguments.within}; runs are kept in {folder}",
        flush=True,
    )
    failed: Mapping[Job, str] = {}
    try:
        failed = run_until(decision, bool(storm), runs.make, show, runs.time_is_up)
    except KeyboardInterrupt:
        print("sfmodel: interrupted; what had ended counts", file=sys.stderr)
    from rich.console import Console

    if decision.seen:
        Console().print(_table(decision, aim, storm))
    print(decision.verdict())
    print(_ship(decision, words))
    for reason in dict.fromkeys(failed.values()):
        names = ", ".join(job.name for job, found in failed.items() if found == reason)
        print(f"sfmodel: {reason}\nsfmodel: failed so: {names}", file=sys.stderr)
    return 1 if failed and not decision.seen else 0


def _setting(platform: str) -> dict[str, Any]:
    """What is written in conf/decide of the platform."""
    from omegaconf import OmegaConf

    from sfmodel.rows.files import named_files

    path = named_files(NAME).get(platform)
    found: Any = OmegaConf.to_container(OmegaConf.load(path)) if path else {}
    return dict(found)


def _changes(asked: str | None, setting: Mapping[str, Any]) -> list[str]:
    from sfmodel.cli.compose import options
    from sfmodel.sweeps.points import label_of

    if asked is None and "sets" not in setting:
        raise ConfigError(
            "decide: say what to compare: --changes a,b,a+b; 'sfmodel list interventions' shows what there is"
        )
    if asked is None:
        return [label_of(text) for text in _sets(str(setting["sets"]))]
    changes = [change.strip() for change in asked.split(",") if change.strip()]
    valid = options("intervention")
    for name in (name for change in changes for name in change.split("+")):
        if name not in (*valid, NO_CHANGE):
            raise ConfigError(f"--changes: there is no intervention '{name}'; {nearest(name, valid)}")
    found = list(dict.fromkeys([NO_CHANGE, *changes]))
    if len(found) < 2:
        raise ConfigError("--changes: name at least one")
    return found


def _sets(name: str) -> list[str]:
    """The sets of interventions that a file of conf/sweep lists, each as it would be typed."""
    from omegaconf import OmegaConf

    from sfmodel.rows.files import named_files

    written = OmegaConf.select(OmegaConf.load(named_files("sweep")[name]), "hydra.sweeper.params.intervention")
    return [f"[{part.strip(' ,[]')}]" for part in str(written).split("]") if "[" in part]


def _aim(platform: str, asked: str | None) -> Aim:
    from sfmodel.aims import Aim, aims_of

    aims = {aim.id: aim for aim in aims_of(platform).aims}
    if asked is None and aims:
        return next(iter(aims.values()))
    if asked in aims:
        return aims[asked]
    if aims and asked is not None:
        raise ConfigError(f"--aim: there is no aim '{asked}'; {nearest(asked, aims)}")
    # a platform without aims: of its headline figures less is taken to be better
    named = {"id": asked or USUAL, "title": asked or USUAL, "unit": "1" if asked else "s"}
    return Aim.model_validate({**named, "measure": "seconds"})


class _Runs:
    """Makes runs in processes of their own until time is up; what is finished in the folder is not made again."""

    def __init__(
        self,
        words: Sequence[str],
        storm: Sequence[str],
        folder: Path,
        figure: str,
        processes: int | None,
        deadline: float,
    ) -> None:
        self._words, self._storm, self._folder, self._figure = words, storm, folder, figure
        self._processes, self._deadline = processes, deadline
        self._configs: dict[tuple[str, bool], dict[str, Any]] = {}

    def time_is_up(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self._deadline

    def make(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, float, str | None]]:
        """Make runs and yield each as it ends, until time is up."""
        from sfkernels.jit import is_compiled
        from sfmodel.replications.processes import Processes, how_many
        from sfmodel.results.folder import is_finished
        from sfmodel.running import checked, planned
        from sfmodel.world import World

        waiting: dict[int, Job] = {}
        for job in jobs:
            if is_finished(self._folder / job.name):
                yield job, self._value(job), None
            else:
                waiting[len(waiting)] = job
        if not waiting:
            return
        mappings = {k: self._mapping(job) for k, job in waiting.items()}
        plan = planned(checked(mappings[0]))
        if not is_compiled():
            print("compiling the kernels, once for this version: about a minute", flush=True)
            World(plan, 1).compile()
        at_a_time = how_many(self._processes, len(waiting), plan)
        reports = {k: lambda share, state: None for k in waiting}
        with Processes(at_a_time, lambda line, of: None) as processes:
            for k, reason in processes.make(mappings, self._folder, reports, self._deadline):
                yield waiting[k], math.nan if reason else self._value(waiting[k]), reason

    def _mapping(self, job: Job) -> dict[str, Any]:
        from sfmodel.cli.compose import composed

        key = (job.change, job.storm)
        if key not in self._configs:
            names = "" if job.change == NO_CHANGE else job.change.replace("+", ",")
            storm = self._storm if job.storm else ()
            self._configs[key] = composed([*self._words, *storm, f"intervention=[{names}]"])
        return {**self._configs[key], "name": job.name, "seed": job.seed}

    def _value(self, job: Job) -> float:
        from sfmodel.results.folder import SUMMARY

        path = self._folder / job.name / SUMMARY
        try:
            summary = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise RunError(f"{path} cannot be read; remove {path.parent}, and it is made again") from None
        entry = summary.get("peak" if "peak" in summary else "whole", {}).get(self._figure)
        if entry is None:
            raise ConfigError(f"--aim: the runs do not show '{self._figure}'; see {path}")
        return math.nan if entry["value"] is None else float(entry["value"])


def _show(decision: Decision, deadline: float, job: Job, reason: str | None) -> None:
    """A line after each run: what it was, and the answer of the moment."""
    left_s = max(0.0, deadline - time.monotonic())
    ended = "failed" if reason else "ended"
    print(f"{job.name} {ended}, {left_s / 60:.1f} min left: {decision.verdict()}", flush=True)


def _table(decision: Decision, aim: Aim, storm: Sequence[str]) -> Table:
    """The ranking: effect, probability of being best, effect in the storm, effort, how soon it is undone."""
    from rich.table import Table

    from sfmodel.results.comparison_table import signed_interval
    from sfmodel.results.intervals import Interval, student_quantile
    from sfmodel.results.summary import format_value

    found = decision.standing()
    table = Table(title=f"{aim.title}, beside no change", title_justify="left", header_style="bold")
    for column in (
        "change",
        "seeds",
        "effect",
        "best with",
        *(["in the storm"] if storm else []),
        "effort",
        "undone in",
    ):
        table.add_column(column, justify="left" if column == "change" else "right")
    for name in decision.order():
        assert found is not None  # it has an order
        k = found.names.index(name)
        reach = student_quantile(0.975, found.freedom) if found.freedom else math.nan
        size = Interval(float(found.mean[k]), float(reach * found.deviation[k]), 0)
        effect = "–" if k == 0 else signed_interval(size, aim.unit)
        best = "–" if math.isnan(found.best[k]) else format_value(float(found.best[k]), "share")
        harm = decision.harm(name)
        in_storm = "–" if k == 0 or math.isnan(harm) else signed_interval(Interval(harm, math.nan, 0), aim.unit)
        seeds = sum(change == name for change, _ in decision.seen)
        table.add_row(name, str(seeds), effect, best, *([in_storm] if storm else []), *_facts(name))
    return table


def _facts(change: str) -> tuple[str, str]:
    """The largest effort of the interventions of a set, and the longest time to undo them."""
    from typing import get_args

    from sfmodel.schema.interventions import Effort, Undo

    worst = []
    for key, scale in (("effort", get_args(Effort)), ("undo", get_args(Undo))):
        known = [str(one[key]) for one in _files(change).values() if one.get(key) in scale]
        worst.append(max(known, key=scale.index) if known else "–")
    return worst[0], worst[1]


def _files(change: str) -> dict[str, dict[str, Any]]:
    """What is written of each intervention of a set."""
    import yaml  # type: ignore[import-untyped]

    from sfmodel.rows.files import named_files

    names = [] if change == NO_CHANGE else change.split("+")
    paths = named_files("intervention")
    return {name: yaml.safe_load(paths[name].read_text(encoding="utf-8")) for name in names}


def _ship(decision: Decision, words: Sequence[str]) -> str:
    """The best change with its settings, as they would be typed for a whole run."""
    from sfmodel.schema.interventions import Intervention

    order = decision.order()
    if not order or order[0] == NO_CHANGE:
        return ""
    files = _files(order[0])
    settings = [
        f"intervention.{name}.{key}={json.dumps(value, ensure_ascii=False)}"
        for name, written in files.items()
        for key, value in written.items()
        if key not in Intervention.model_fields
    ]
    command = f"sfmodel run {words[0]} 'intervention=[{','.join(files)}]'"
    return "\n".join([f"to ship: {command}", *(f"  {setting}" for setting in settings)])
