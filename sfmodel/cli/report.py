"""Write one HTML file about a run or a sweep, which needs no network: figures, the graph of the services playing along the run,
causes, cascades, effects.

What a run or a sweep does not have is said where it would stand. Bottlenecks, and cascades whose edges were cut, are there if
`sfmodel bottlenecks` and `sfmodel diagnose --ablate` were asked before.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sfmodel.cli.which_run import add_replication_argument

FILE = "report.html"
"""Where it goes, in the folder of the run or the sweep."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "run", nargs="?", default="latest", help="folder or name of a run or a sweep (default: latest run)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    add_replication_argument(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=f"the file (default: {FILE} in its folder)")


def execute(arguments: argparse.Namespace) -> int:
    """Write the report, and name its file."""
    from sfmodel.errors import ConfigError, RunNotFoundError
    from sfmodel.looked_for import check_what_is_looked_for
    from sfmodel.report import OF_RUN, OF_SWEEP, RunSubject, SweepSubject, write_report
    from sfmodel.results.folder import find_run
    from sfmodel.sweeps import find_sweep

    try:
        sweep = find_sweep(arguments.run, arguments.runs) if arguments.run != "latest" else None
    except RunNotFoundError:
        sweep = None
    if sweep is not None:
        from sfmodel.cli.sweep import failures

        if arguments.replication is not None:
            raise ConfigError("--replication: a sweep has no replications of its own; give one of its runs")
        reasons = {one.name: one.error for one in failures(sweep)}
        path = write_report(SweepSubject.opened(sweep, reasons), OF_SWEEP, arguments.output or sweep / FILE)
    else:
        folder = find_run(arguments.run, arguments.runs)
        subject = RunSubject.opened(folder, arguments.runs, arguments.replication)
        if platform := subject.whole.attrs.get("platform"):
            check_what_is_looked_for(str(platform))
        path = write_report(subject, OF_RUN, arguments.output or folder / FILE)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0
