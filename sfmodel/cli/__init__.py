"""The command `sfmodel`: each command is a file here and a line in `COMMANDS`, imported only when it is used."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from sfmodel.errors import ConfigError, SfmodelError, nearest


@dataclass(frozen=True)
class Command:
    """What the list of commands says about one."""

    module: str
    """Module with `add_arguments(parser)` and `execute(arguments)`; or with `execute_raw(words)`."""
    about: str
    """One line."""
    example: str
    """As one would type it."""


COMMANDS = {
    "run": Command(
        "run", "simulate; everything after it is Hydra's syntax", "sfmodel run scenario=f4_engine_half seed=2"
    ),
    "list": Command(
        "listing",
        "parameters, mechanisms, measures, platforms, demands, scenarios, interventions, runs",
        "sfmodel list scenarios",
    ),
    "lint": Command("lint", "check a platform without simulating it", "sfmodel lint streamflow"),
    "new": Command("new", "start a platform of your own", "sfmodel new shop"),
    "schema": Command("schema", "the JSON Schema of a file, for editors", "sfmodel schema -o sfmodel.schema.json"),
    "summary": Command("summary", "the headline figures of a run", "sfmodel summary latest"),
    "compare": Command(
        "compare", "two runs side by side: which differences are more than chance", "sfmodel compare plain changed"
    ),
    "effects": Command(
        "effects", "what each change of a sweep does, and which act on each other", "sfmodel effects latest"
    ),
    "narrow": Command(
        "narrow",
        "add seeds to a sweep until its effects are known well enough",
        "sfmodel narrow latest --figure within_sla --half '0.5 %'",
    ),
    "decide": Command("decide", "which change to make, by a deadline", "sfmodel decide --within 20min"),
    "diagnose": Command(
        "diagnose",
        "where a run hurts: who drags down whom, what failures and time come from",
        "sfmodel diagnose latest",
    ),
    "profile": Command("profile", "where time goes: stations, critical paths, held workers", "sfmodel profile latest"),
    "bottlenecks": Command(
        "bottlenecks",
        "what a little more of each resource would change",
        "sfmodel bottlenecks latest --factors 1.01,1.03,1.1",
    ),
    "metastability": Command(
        "metastability", "which triggers a platform recovers from", "sfmodel metastability -o map.svg"
    ),
    "failure-modes": Command(
        "failure_modes",
        "the cheapest triggers that break an objective, each as a scenario",
        "sfmodel failure-modes --at 20:30 --within 60min",
    ),
    "figures": Command(
        "figures", "what the platform is known to do, measured: met or not", "sfmodel figures latest --only 'P*'"
    ),
    "alerts": Command("alerts", "what alerts would have said, and when; rules for Prometheus", "sfmodel alerts latest"),
    "check": Command(
        "check", "claims, on runs and over seeds: pass, fail or undecided", "sfmodel check streamflow latest"
    ),
    "report": Command("report", "one HTML file about a run or a sweep", "sfmodel report latest -o report.html"),
    "story": Command("story", "what a trigger led to, step by step", "sfmodel story latest --against evening"),
    "plot": Command("plot", "the curves of a run as PNG or SVG", "sfmodel plot latest"),
    "trace": Command("trace", "requests of a run, step by step", "sfmodel trace latest --path happy"),
}
"""Every command, in the order of the help."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors of this package."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise ConfigError(
            f"{self.prog.removeprefix('sfmodel ')}: {message.replace(', overrides', '')}; see '{self.prog} --help'"
        )


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 the work failed, 2 the request was wrong."""
    try:
        return _dispatch(list(sys.argv[1:] if words is None else words))
    except SfmodelError as error:
        complain(error)
        return error.exit_status
    except KeyboardInterrupt:
        print("sfmodel: interrupted", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def complain(error: SfmodelError) -> None:
    """Print an error, each of its lines with the program's name."""
    for line in str(error).splitlines() or [type(error).__name__]:
        print(f"sfmodel: {line}", file=sys.stderr)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if words[0] in ("-V", "--version"):
        print(_version())
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise ConfigError(f"there is no command '{name}'; {nearest(name, COMMANDS)}")
    command = COMMANDS[name]
    module = importlib.import_module(f"sfmodel.cli.{command.module}")
    if hasattr(module, "execute_raw"):
        return module.execute_raw(rest) or 0
    parser = Parser(prog=f"sfmodel {name}", description=module.__doc__, epilog=f"example: {command.example}")
    module.add_arguments(parser)
    arguments = parser.parse_intermixed_args(rest)
    from sfmodel.memory import memory_errors
    from sfmodel.results.disk import damage_errors

    with memory_errors("end other programs, or take a machine with more"), damage_errors():
        return module.execute(arguments) or 0


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = ["usage: sfmodel COMMAND …", "", "A performance model of a large platform at full scale.", ""]
    for name, command in COMMANDS.items():
        lines += [f"  {name:<{width}}  {command.about}", f"  {'':<{width}}    {command.example}"]
    lines += ["", "sfmodel COMMAND --help says more; sfmodel --version prints the version."]
    return "\n".join(lines)


def _version() -> str:
    from importlib.metadata import version

    return f"sfmodel {version('sfmodel')}"
