"""Check a platform without simulating it: who calls whom, the load of each station, retries, timeouts, holds.

The exit status is 1 where there are faults: a station that is overloaded at peak (a limiter that refuses what is too
much is none), servers or coalesced misses that wait for each other. Everything else is a remark.
"""

from __future__ import annotations

import argparse
import textwrap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("platform", help="name of a platform (sfmodel list platforms)")
    parser.add_argument("overrides", nargs="*", default=[], help="further keys, as for sfmodel run")
    parser.add_argument(
        "--hit",
        action="append",
        default=[],
        help="assumed hit ratio of all caches, or of one: --hit 85%% --hit content.metadata=92%% (default: 80 %%)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings, and the faults once more at the end."""
    from sfmodel.cli.compose import composed
    from sfmodel.console import stdout
    from sfmodel.lint import Section, lint
    from sfmodel.lint.hits import hits_from
    from sfmodel.plan import build_plan
    from sfmodel.schema import parse_run
    from sfmodel.schema.references import check_references

    run = parse_run(composed([f"platform={arguments.platform}", *arguments.overrides]))
    check_references(run)
    build_plan(run)
    sections = lint(run, hits_from(arguments.hit, run.platform))
    faults = [fault for section in sections for fault in section.faults]
    console = stdout()
    for line in "\n\n".join(part.text() for part in [*sections, Section("Faults", faults, "none")]).splitlines():
        print(_folded(line, console.width) if console.is_terminal else line)
    return 1 if faults else 0


def _folded(line: str, width: int) -> str:
    """A line in several, the later ones further in; words, and so keys, stay whole."""
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
