"""The arguments that name a run, and its pair: a folder, a name, or `latest`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sfmodel.errors import ConfigError, RunNotFoundError


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    """Declare RUN and where runs are looked for."""
    parser.add_argument("run", nargs="?", default="latest", help="folder or name of a run (default: latest)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")


def add_replication_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --replication."""
    parser.add_argument(
        "--replication",
        type=int,
        metavar="SEED",
        help="of a run with replications, the one with this seed (default: the first)",
    )


def replication_of(folder: Path, seed: int | None) -> Path:
    """Return the folder of one replication, none: the first; of a plain run, its own.

    Raises
    ------
    ConfigError
        There is none with this seed.
    """
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import folder_of, replication

    ds = open_run(folder)
    replication(ds, seed)  # there is one
    return folder_of(folder, ds, seed)


def folder_of(arguments: argparse.Namespace) -> Path:
    """Return the folder of the run that was asked for."""
    from sfmodel.results.folder import find_run

    return find_run(arguments.run, arguments.runs)


def add_against_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --against."""
    parser.add_argument(
        "--against",
        metavar="BASE",
        help="the same run without its scenario (default: found among the runs)",
    )


def base_of(arguments: argparse.Namespace, folder: Path) -> Path:
    """Return the folder of the paired run: the one that was named, else the one found.

    What one that was named differs in beside the scenario is said.

    Raises
    ------
    ConfigError
        The run itself was named.
    RunNotFoundError
        There is none; the message says how to make one.
    """
    from sfmodel.results.configurations import in_words
    from sfmodel.results.folder import find_run, open_run
    from sfmodel.stories.pair import beyond_the_scenario, find_pair, has_scenario

    if arguments.against is not None:
        named = find_run(arguments.against, arguments.runs)
        if named.resolve() == folder.resolve():
            raise ConfigError(f"--against: {named.name} is the run itself; name the same run without its scenario")
        if found := beyond_the_scenario(folder, named):
            known = f"{folder.name} and {named.name} differ not in the scenario alone, but in {in_words(found)}"
            print(f"sfmodel: {known}: what is found may come of that", file=sys.stderr)
        return named
    pair = find_pair(folder, arguments.runs)
    if pair is None and not has_scenario(open_run(folder).attrs):
        raise RunNotFoundError(f"{folder.name} has no scenario, so there is no run without it; name one with --against")
    if pair is None:
        raise RunNotFoundError(
            f"there is no run in {arguments.runs} that is as {folder.name} without its scenario; make it with the same "
            "command and scenario=none, or name it with --against"
        )
    return pair
