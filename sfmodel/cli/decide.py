"""Which change to make, by a deadline. Changes are run seed by seed from a world that all share; time goes where the contest is
close. Stopped at any moment (Ctrl-C) it says what it knows. Each run is kept, and the same folder goes on from there."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.errors import ConfigError, nearest

if TYPE_CHECKING:
    from sfmodel.aims import Aim
    from sfmodel.sweeps.deciding import Decision, Job
    from sfmodel.sweeps.decision_runs import Configured

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
    from sfmodel.sweeps.decision_runs import DecisionRuns
    from sfmodel.sweeps.decision_table import decision_table, to_ship

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
    runs = DecisionRuns(_configured(words, storm), folder, aim.id, arguments.processes, deadline)
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
        Console().print(decision_table(decision, aim, with_storm=bool(storm)))
    print(decision.verdict())
    if shipped := to_ship(decision, arguments.platform):
        print(shipped)
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


def _configured(words: Sequence[str], storm: Sequence[str]) -> Configured:
    from sfmodel.cli.compose import composed

    def configured(change: str, in_storm: bool) -> dict[str, Any]:
        names = "" if change == NO_CHANGE else change.replace("+", ",")
        return composed([*words, *(storm if in_storm else ()), f"intervention=[{names}]"])

    return configured


def _show(decision: Decision, deadline: float, job: Job, reason: str | None) -> None:
    """A line after each run: what it was, and the answer of the moment."""
    left_s = max(0.0, deadline - time.monotonic())
    ended = "failed" if reason else "ended"
    print(f"{job.name} {ended}, {left_s / 60:.1f} min left: {decision.verdict()}", flush=True)
