"""Which change to make, by a deadline. Changes are run seed by seed from a world that all share; time goes where the contest is
close. Stopped at any moment (Ctrl-C) it says what it knows. Each run is kept, and the same folder goes on from there."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.cli.changes import to_changes
from sfmodel.cli.fresh_folder import fresh_folder
from sfmodel.cli.numbers import seconds_of
from sfmodel.cli.which_platform import take_platform
from sfmodel.errors import ConfigError, nearest

if TYPE_CHECKING:
    from sfmodel.aims import Aim
    from sfmodel.sweeps.deciding import Decision, Job
    from sfmodel.sweeps.decision_runs import Configured

NAME = "decide"
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
    parser.add_argument("--better", choices=("more", "less"), help="which way is better, for a key that is no aim")
    parser.add_argument("--no-storm", action="store_true", help="do not try the best in the platform's storm")
    parser.add_argument(
        "--processes", type=int, help="runs at a time (default: as many as there are cores and memory for)"
    )
    parser.add_argument("--folder", type=Path, help="where runs go (default: runs/decide-…)")
    parser.add_argument("overrides", nargs="*", help="keys of all runs, as of 'sfmodel run': demand.level=1.03")


def execute(arguments: argparse.Namespace) -> int:
    """Run until the deadline and print the answer."""
    from sfmodel.running import checked
    from sfmodel.sweeps.deciding import Decision, run_until
    from sfmodel.sweeps.decision_runs import DecisionRuns
    from sfmodel.sweeps.decision_table import decision_table, to_ship

    within_s = seconds_of(arguments, "within", 1.0)
    take_platform(arguments)
    setting = _setting(arguments.platform)
    changes = _changes(arguments.changes, setting)
    storm = [] if arguments.no_storm else list(setting.get("storm", ()))
    words = [f"platform={arguments.platform}", *setting.get("overrides", ()), *arguments.overrides]
    configured = _configured(words, storm)
    aim = _aim(arguments, configured)
    deadline = time.monotonic() + within_s
    configured(changes[0], bool(storm))
    for change in changes:
        checked(configured(change, False))
    folder = arguments.folder or fresh_folder(NAME)
    decision = Decision(changes, more_is_better=aim.better == "more")
    runs = DecisionRuns(configured, folder, aim.id, arguments.processes, deadline)
    runs.check_folder(changes)
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
    from sfmodel.console import stdout

    if decision.seen:
        stdout().print(decision_table(decision, aim, with_storm=bool(storm)))
    print(decision.verdict())
    if shipped := to_ship(decision, arguments.platform):
        print(shipped)
    for reason in dict.fromkeys(failed.values()):
        names = ", ".join(job.name for job, found in failed.items() if found == reason)
        print(f"sfmodel: {reason}\nsfmodel: failed so: {names}", file=sys.stderr)
    return 1 if failed and decision.standing() is None else 0


def _setting(platform: str) -> dict[str, Any]:
    """What is written in conf/decide of the platform."""
    from omegaconf import OmegaConf

    from sfmodel.rows.files import named_files

    path = named_files(NAME).get(platform)
    found: Any = OmegaConf.to_container(OmegaConf.load(path)) if path else {}
    return dict(found)


def _changes(asked: str | None, setting: Mapping[str, Any]) -> list[str]:
    """What is compared; the first is the platform as it is."""
    from sfmodel.sweeps.points import NONE, label_of

    if asked is not None:
        others = [change for change in to_changes(asked) if change != NONE]
        if not others:
            raise ConfigError(f"--changes: name at least one beside {NONE}")
        return [NONE, *others]
    if "sets" not in setting:
        raise ConfigError(
            "decide: say what to compare: --changes a,b,a+b; 'sfmodel list interventions' shows what there is"
        )
    return [label_of(text) for text in _sets(str(setting["sets"]))]


def _sets(name: str) -> list[str]:
    """The sets of interventions that a file of conf/sweep lists, each as it would be typed."""
    from omegaconf import OmegaConf

    from sfmodel.rows.files import named_files

    written = OmegaConf.select(OmegaConf.load(named_files("sweep")[name]), "hydra.sweeper.params.intervention")
    return [f"[{part.strip(' ,[]')}]" for part in str(written).split("]") if "[" in part]


def _aim(arguments: argparse.Namespace, configured: Configured) -> Aim:
    """What changes are ranked by: an aim of the platform, or any other figure that its runs show."""
    from sfmodel.aims import Aim, aims_of

    asked, better = arguments.aim, arguments.better
    aims = {aim.id: aim for aim in aims_of(arguments.platform).aims}
    if asked is None:
        asked = next(iter(aims), USUAL)
        better = better or (None if aims else "less")
    if asked in aims:
        if better not in (None, aims[asked].better):
            raise ConfigError(f"--better: of the aim '{asked}' {aims[asked].better} is better; leave it out")
        return aims[asked]
    units = _figures(configured)
    if asked not in units:
        raise ConfigError(
            f"--aim: runs of '{arguments.platform}' do not show '{asked}'; {nearest(asked, [*aims, *units])}"
        )
    if better is None:
        raise ConfigError(f"--aim: '{asked}' is no aim of the platform; say which way is better, --better more or less")
    return Aim.model_validate(
        {"id": asked, "title": asked, "unit": units[asked], "better": better, "measure": "seconds"}
    )


def _figures(configured: Configured) -> dict[str, str]:
    """Figures that the runs may show, with their units, known before the first."""
    from sfmodel.results.summary import possible_figures
    from sfmodel.running import checked, planned
    from sfmodel.sweeps.points import NONE

    run = checked(configured(NONE, False))
    counters = {name: unit for name, (unit, _) in run.platform.declared_counters.items()}
    return possible_figures(planned(run).labels, counters)


def _configured(words: Sequence[str], storm: Sequence[str]) -> Configured:
    from sfmodel.cli.compose import composed
    from sfmodel.sweeps.points import override_of

    @cache
    def configured(change: str, in_storm: bool) -> dict[str, Any]:
        return composed([*words, *(storm if in_storm else ()), override_of(change)])

    return configured


def _show(decision: Decision, deadline: float, job: Job, reason: str | None) -> None:
    """A line after each run: what it was, and the answer of the moment."""
    left_s = max(0.0, deadline - time.monotonic())
    ended = "failed" if reason else "ended"
    print(f"{job.name} {ended}, {left_s / 60:.1f} min left: {decision.verdict()}", flush=True)
