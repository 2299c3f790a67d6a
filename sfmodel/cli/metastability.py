"""Map which triggers a platform recovers from, at constant demand: size × duration × load, coarse first, then along the edges.

What the trigger is, in which sizes, durations and at which loads, is in conf/metastability/PLATFORM.yaml. Each cell is the same
world as its pair without the trigger until it begins. Stopped at any moment (Ctrl-C) it says what it knows; each run is kept,
and the same folder goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.cli.changes import to_changes
from sfmodel.cli.numbers import positive, seconds_of
from sfmodel.cli.which_platform import take_platform
from sfmodel.errors import ConfigError, nearest

if TYPE_CHECKING:
    from sfmodel.metastability.dataset import Known
    from sfmodel.metastability.runs import Configured, Wanted

DEPTH_MOST = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--within", default="60min", help="time that it may take (default: 60min)")
    parser.add_argument("--platform", default="streamflow", help="platform (default: streamflow)")
    parser.add_argument(
        "--changes",
        default="none",
        help="sets of interventions, such as none,llm_timeout,llm_timeout+breakers (default: none)",
    )
    parser.add_argument(
        "--seeds", type=positive, default=3, help="of cells at an edge, and of load that goes up and down (default: 3)"
    )
    parser.add_argument(
        "--depth", type=int, default=1, help="how often neighbours that differ get a cell between them (default: 1)"
    )
    parser.add_argument("--no-hysteresis", action="store_true", help="no load that goes up and down")
    parser.add_argument(
        "--processes", type=positive, help="runs at a time (default: as many as there are cores and memory for)"
    )
    parser.add_argument("--folder", type=Path, help="where runs and the map go (default: runs/metastability-PLATFORM)")
    parser.add_argument("-o", "--output", type=Path, help="draw the map into this file, svg, png or pdf")
    parser.add_argument("overrides", nargs="*", help="keys of all runs, as of 'sfmodel run': users=1M")


def execute(arguments: argparse.Namespace) -> int:
    """Run until the deadline, and print, write and draw what is known."""
    from sfmodel.figures.metastability import check_format
    from sfmodel.metastability import Known, design_of
    from sfmodel.metastability.mapping import map_until
    from sfmodel.metastability.runs import MapRuns

    within_s = seconds_of(arguments, "within")
    if not 0 <= arguments.depth <= DEPTH_MOST:
        raise ConfigError(f"--depth: expected 0 to {DEPTH_MOST}, found {arguments.depth}")
    if arguments.output:
        check_format(arguments.output)
    take_platform(arguments)
    design = design_of(arguments.platform)
    if arguments.no_hysteresis:
        design = design.model_copy(update={"ramp": None})
    words = [f"platform={arguments.platform}", *design.overrides, *arguments.overrides]
    configured = _configured(words, design.load.key)
    known = Known(to_changes(arguments.changes))
    folder = arguments.folder or Path("runs") / f"metastability-{arguments.platform}"
    deadline = time.monotonic() + within_s
    runs = MapRuns(design, configured, folder, arguments.processes, deadline)
    _check_first(runs, known, design)
    print(f"{design.trigger.title or 'trigger'}, within {arguments.within}; runs are kept in {folder}", flush=True)
    failed: Any = {}
    try:
        failed = map_until(design, known, runs, partial(_show, known, deadline), arguments.seeds, arguments.depth)
    except KeyboardInterrupt:
        print("sfmodel: interrupted; what had ended counts, and the same command goes on", file=sys.stderr)
    if runs.time_is_up():
        print(f"time is up: the same command goes on with what is kept in {folder}", flush=True)
    _report(known, design, folder, arguments)
    for reason in dict.fromkeys(failed.values()):
        names = ", ".join(one.name for one, found in failed.items() if found == reason)
        print(f"sfmodel: {reason}\nsfmodel: failed so: {names}", file=sys.stderr)
    return 1 if failed and not known.runs() else 0


def _report(known: Known, design: Any, folder: Path, arguments: argparse.Namespace) -> None:
    from sfmodel.console import stdout
    from sfmodel.figures.metastability import draw_map
    from sfmodel.metastability import map_dataset
    from sfmodel.metastability.dataset import write_map
    from sfmodel.metastability.table import map_tables, said_of_loads

    if not known.runs():
        print("too little has run to say anything yet")
        return
    ds = map_dataset(known, design, arguments.platform)
    console = stdout()
    for table in map_tables(ds):
        console.print(table)
    for line in said_of_loads(ds):
        print(line)
    print(f"map: {write_map(ds, folder)}")
    if arguments.output:
        print(draw_map(ds, arguments.output))


def _configured(words: list[str], key: str) -> Configured:
    from sfmodel.cli.compose import composed
    from sfmodel.sweeps.points import override_of

    def configured(change: str, load: float) -> dict[str, Any]:
        return composed([*words, f"{key}={load:g}", override_of(change)])

    return configured


def _check_first(runs: Any, known: Known, design: Any) -> None:
    """Refuse what no run could be made of, before any is."""
    from sfmodel.metastability.cells import Job, grid
    from sfmodel.metastability.runs import RampRun
    from sfmodel.results.measures import is_multiple
    from sfmodel.running import checked

    for change in known.changes:
        run = checked(runs.mapping(Job(change, grid(design)[-1], 1)))
        for name in design.recovery.endpoints:
            valid = [f"{service}.{one}" for service, own in run.platform.services.items() for one in own.endpoints]
            if name not in valid:
                raise ConfigError(f"recovery.endpoints: there is no endpoint '{name}'; {nearest(name, valid)}")
        if not is_multiple(design.recovery.window, run.window):
            raise ConfigError(
                f"recovery.window: expected a multiple of the run's windows, {run.window:g} s, found "
                f"{design.recovery.window:g} s"
            )
        if design.ramp:
            checked(runs.mapping(RampRun(change, 1)))


def _show(known: Known, deadline: float, one: Wanted, reason: str | None) -> None:
    """A line after each run: what it was, and what became of it."""
    from sfmodel.metastability.cells import Job
    from sfmodel.metastability.dataset import MEANINGS

    left_s = max(0.0, deadline - time.monotonic())
    became = "failed" if reason else "ended"
    if reason is None and isinstance(one, Job):
        became = MEANINGS[known.of(one.change)[one.cell][one.seed].state].replace("_", " ")
    print(f"{one.name}: {became}; {known.runs()} judged, {left_s / 60:.1f} min left", flush=True)
