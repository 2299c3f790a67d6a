"""Print a request of a run, step by step, or export all that were traced for a tracing tool.

The paths of a platform are YAML, in conf/paths/<platform>.yaml: of the requests that took one, the one nearest the
median is told in the path's own words.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sfmodel.cli.which_run import add_run_argument, folder_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    from sfmodel.results.traces import PATHS

    parser.add_argument(
        "--path",
        metavar="PATH|REQUEST",
        help=f"a path of the platform, one of {', '.join(PATHS)}, or a request's identifier or its beginning "
        "(default: slow)",
    )
    parser.add_argument("--endpoint", help="only requests to this service.endpoint")
    parser.add_argument(
        "--otlp", type=Path, metavar="FILE", help="write spans as OpenTelemetry JSON: all, or those of --path"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Find the request, and print or export it."""
    from sfmodel.results.traces import PATHS, export_traces, find_request, trace_tree

    folder = folder_of(arguments)
    if arguments.otlp is not None and arguments.path is None:
        print(export_traces(folder, arguments.otlp))
        return 0
    paths = _paths(folder)
    if arguments.path in paths:
        return _told(folder, arguments.path, arguments.otlp)
    found = find_request(folder, arguments.path, arguments.endpoint, [*paths, *PATHS])
    if arguments.otlp is not None:
        print(export_traces(folder, arguments.otlp, found))
        return 0
    from rich.console import Console

    Console().print(trace_tree(folder, found), soft_wrap=True)
    return 0


def _paths(folder: Path) -> list[str]:
    """Paths of the run's platform."""
    from sfmodel.paths import read_paths
    from sfmodel.results.folder import open_run
    from sfmodel.rows.files import file_of

    file = file_of("paths", open_run(folder))
    return list(read_paths(file)) if file else []


def _told(folder: Path, name: str, output: Path | None) -> int:
    """Tell the request that stands for a path, or export it."""
    from rich.console import Console
    from rich.text import Text

    from sfmodel.errors import RunNotFoundError
    from sfmodel.paths import read_requests
    from sfmodel.paths.telling import choose, tell_path
    from sfmodel.results.folder import open_run
    from sfmodel.results.traces import export_traces, heading, written

    ds = open_run(folder)
    requests = read_requests(folder, ds)
    if requests is None:
        raise RunNotFoundError(f"no request of {folder.name} was traced; run it again with trace.one_in above 0")
    path = requests.path(name)
    chosen = choose(requests, path)
    if output is not None:
        print(export_traces(folder, output, chosen.trace))
        return 0
    *steps, last = tell_path(requests, path, chosen.trace, ds)
    lines = [(path.title, "bold"), *((step, "") for step in steps), (last, "bold")]
    head = f"{heading(requests.root(chosen.trace))}; {chosen.of:,} traced request{'s' * (chosen.of > 1)} took this path"
    console = Console()
    for line, style in [*lines, (f"{head}, median {written(chosen.median_s)}", "dim")]:
        console.print(Text(line, style=style), soft_wrap=True)
    return 0
