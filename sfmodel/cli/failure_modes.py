"""Find the cheapest triggers that break an objective: what goes wrong how much for how long, alone and in pairs, on what place.

An objective is one of conf/alerts/PLATFORM.yaml. The cost of a fault is its size, in doublings, times its minutes. Each way to
break the objective is shrunk, and written as a scenario that anyone can run. Runs are kept, and the same folder goes on from
there; stopped at any moment (Ctrl-C) it says what it knows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.cli.numbers import not_negative, positive, seconds_of
from sfmodel.errors import ConfigError, RunError, nearest

if TYPE_CHECKING:
    from sfmodel.alerts.objectives import Objective
    from sfmodel.failure_modes.modes import Mode
    from sfmodel.failure_modes.search import Search
    from sfmodel.schema.run import Run

FOLDER = Path("runs/failure-modes")
FILE = "failure_modes.json"
"""What was found, in the folder."""
EXPLORING = 0.5
"""Share of the time after the screening that Optuna may take; the rest is for shrinking."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--within", default="60min", help="time that it may take (default: 60min)")
    parser.add_argument("--objective", metavar="NAME", help="what is to break (default: the platform's first)")
    parser.add_argument("--objectives", type=Path, metavar="FILE", help="objectives of your own")
    parser.add_argument(
        "--at", metavar="TIME", help="when triggers begin (default: half an hour into the peak hours, else 10 min in)"
    )
    parser.add_argument("--horizon", default="20min", help="from then on to the end of the runs (default: 20min)")
    parser.add_argument("--seeds", type=positive, default=2, metavar="N", help="seeds, 2 at least (default: 2)")
    parser.add_argument(
        "--held-out",
        type=positive,
        default=1,
        metavar="N",
        help="further seeds, on which only what was found is tried (default: 1)",
    )
    parser.add_argument("--most", type=positive, default=8, metavar="N", help="so many modes are shrunk (default: 8)")
    parser.add_argument(
        "--explore",
        type=not_negative,
        default=48,
        metavar="N",
        help="so many triggers are proposed by Optuna (default: 48)",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="of what goes wrong, such as 'llm.*'; several times",
    )
    parser.add_argument(
        "--processes", type=positive, metavar="N", help="runs at a time (default: as many as there are cores)"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where everything goes (default: {FOLDER})")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument(
        "overrides", nargs="*", help="last, keys of all runs, as of 'sfmodel run': platform=chain seed=5"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Search until the deadline, write what was found, and print it."""
    from sfmodel.cli.compose import composed
    from sfmodel.failure_modes.forked_runs import ForkedRuns
    from sfmodel.failure_modes.places import named, places_of
    from sfmodel.failure_modes.search import Search, placebos
    from sfmodel.failure_modes.trials import Trials, setting_of
    from sfmodel.failure_modes.words import objective_in_words
    from sfmodel.running import checked

    within_s, horizon_s = seconds_of(arguments, "within", 1.0), seconds_of(arguments, "horizon", 60.0)
    at_s = _at_s(arguments.at)
    if arguments.seeds < 2:
        raise ConfigError("--seeds: expected 2 at least, since a difference on one seed may be chance, found 1")
    if arguments.explore > 0:
        _needs_optuna()
    config = composed(arguments.overrides)
    run = checked(config)
    objective = _objective(arguments, run)
    every = places_of(run)
    places = named(every, arguments.only) if arguments.only else every
    seeds = [run.seed + k for k in range(arguments.seeds + arguments.held_out)]
    searched, held_out = seeds[: arguments.seeds], seeds[arguments.seeds :]
    setting = setting_of(config, objective, searched, at_s, horizon_s, held_out)
    asked = {
        "objective": objective.name,
        "at_s": setting.at_s,
        "until_s": setting.until_s,
        "words": arguments.overrides,
    }
    _check_folder(arguments.folder, asked)
    deadline = time.monotonic() + within_s
    tell = _teller(deadline, sys.stderr if arguments.json else sys.stdout)
    make = ForkedRuns(arguments.folder / "runs", arguments.processes, deadline, tell)
    trials = Trials(setting, make)
    enough = _half_of_time(deadline)
    search = Search(trials, places, tell, arguments.most, arguments.explore, enough, placebos(every))
    tell(f"{objective_in_words(objective)}; triggers at {setting.at}; everything is kept in {arguments.folder}")
    _searched(search)
    return _show(arguments, search, asked)


def _check_folder(folder: Path, asked: Mapping[str, Any]) -> None:
    """Refuse a folder with what was found when something else was asked, which would be lost."""
    try:
        before = json.loads((folder / FILE).read_text(encoding="utf-8")).get("asked")
    except (OSError, ValueError):
        return
    if before is not None and before != asked:
        other = ", ".join(name for name in asked if asked[name] != before.get(name))
        raise ConfigError(
            f"{folder} has the modes of another search, whose {other} is another; give this one a --folder of its own, or "
            f"remove {folder / FILE}"
        )


def _searched(search: Search) -> None:
    """Search until it is done, time is up, or it is interrupted."""
    from sfmodel.failure_modes.trials import TimeIsUpError

    try:
        search.run()
    except TimeIsUpError:
        search.told("time is up: what is known by now stands; the same command goes on from here")
    except KeyboardInterrupt:
        search.told("interrupted: what is known by now stands; the same command goes on from here")


def _show(arguments: argparse.Namespace, search: Search, asked: Mapping[str, Any]) -> int:
    """Write each mode's scenario and the list of them; print it."""
    from sfmodel.console import stdout
    from sfmodel.failure_modes.known import known_things
    from sfmodel.failure_modes.modes import modes_of
    from sfmodel.failure_modes.scenario_file import scenario_name
    from sfmodel.failure_modes.table import modes_data, modes_table
    from sfmodel.failure_modes.words import nothing_found, objective_in_words, unjudged_in_words
    from sfmodel.results.disk import disk_errors

    setting = search.trials.setting
    ranked = enumerate(
        modes_of(search.modes(), search.trials, known_things(setting.config["platform"]["services"])), start=1
    )
    modes = {scenario_name(rank, mode): mode for rank, mode in ranked}
    _write(arguments, search, modes)
    found = {"asked": asked,
             "objective": setting.objective.name, "at_s": setting.at_s, "until_s": setting.until_s, "limit": search.trials.limit,
             "runs": search.trials.count, "unjudged": search.trials.unjudged, "modes": modes_data(modes, setting)}  # fmt: skip
    with disk_errors(arguments.folder):
        arguments.folder.mkdir(parents=True, exist_ok=True)
        (arguments.folder / FILE).write_text(json.dumps(found, indent=2), encoding="utf-8")
    if arguments.json:
        print(json.dumps(found, indent=2))
    elif modes:
        stdout().print(modes_table(modes, setting, f"What breaks it: {objective_in_words(setting.objective)}"))
        print(f"to run one: the command is in its file, {arguments.folder}/scenario/{next(iter(modes))}.yaml")
    else:
        print(nothing_found(search))
    if unjudged := unjudged_in_words(search.trials):
        print(f"sfmodel: {unjudged}", file=sys.stderr)
    return 0 if search.trials.count else 1


def _write(arguments: argparse.Namespace, search: Search, modes: Mapping[str, Mode]) -> None:
    """Write the scenarios in the place of those that were there before."""
    from sfmodel.failure_modes.scenario_file import GROUP, write_scenario

    for old in (arguments.folder / GROUP).glob("mode_*.yaml"):
        old.unlink()
    for name, mode in modes.items():
        write_scenario(
            arguments.folder, name, mode, search.trials.setting, search.trials.limit, arguments.overrides
        )  # fmt: skip


def _at_s(text: str | None) -> float | None:
    from sfmodel.schema.quantities import to_clock_s

    try:
        return None if text is None else to_clock_s(text)
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from None


def _objective(arguments: argparse.Namespace, run: Run) -> Objective:
    from sfmodel.alerts import read_objectives
    from sfmodel.alerts.objectives import unknown_endpoint
    from sfmodel.cli.alerts import objectives_file
    from sfmodel.schema.walk import endpoints_of

    objectives = read_objectives(arguments.objectives or objectives_file(run.platform.name))
    wrong = unknown_endpoint(objectives, [f"{service}.{name}" for service, name, _ in endpoints_of(run.platform)])
    if wrong:
        raise ConfigError(wrong)
    by_name = {one.name: one for one in objectives.objectives}
    name = arguments.objective or next(iter(by_name))
    if name not in by_name:
        raise ConfigError(f"--objective: there is no objective '{name}'; {nearest(name, by_name)}")
    return by_name[name]


def _needs_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise RunError(
            "sizes, durations and pairs are searched by Optuna, which is not installed: pip install 'sfmodel[calibrate]'; "
            "or --explore 0 does without"
        ) from None


def _half_of_time(deadline: float) -> Callable[[], bool]:
    """Whether so much of the time that was left at the first call has passed."""
    until: list[float] = []

    def is_over() -> bool:
        now = time.monotonic()
        until[:] = until or [now + EXPLORING * (deadline - now)]
        return now >= until[0]

    return is_over


def _teller(deadline: float, stream: Any) -> Callable[[str], None]:
    def tell(line: str) -> None:
        left_min = max(0.0, deadline - time.monotonic()) / 60
        print(f"[{left_min:.1f} min left] {line}", file=stream, flush=True)

    return tell
