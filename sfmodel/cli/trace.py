"""Print requests of a run, call by call, or all of them for a tracing tool."""

from __future__ import annotations

import argparse
from pathlib import Path

from sfmodel.cli.which_run import add_run_argument, folder_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    from sfmodel.results.traces import PATHS

    parser.add_argument("--request", help=f"identifier of a request or its beginning, or one of {', '.join(PATHS)}")
    parser.add_argument("--endpoint", help="only requests to this service.endpoint")
    parser.add_argument("-o", "--output", type=Path, help="write all spans as OpenTelemetry JSON to this file")


def execute(arguments: argparse.Namespace) -> int:
    """Print one request as a tree, or export all."""
    from sfmodel.results.traces import export_traces, trace_tree

    folder = folder_of(arguments)
    if arguments.output is not None:
        print(export_traces(folder, arguments.output))
        return 0
    from rich.console import Console

    Console().print(trace_tree(folder, arguments.request, arguments.endpoint))
    return 0
