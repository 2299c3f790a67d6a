"""Check a platform without simulating it: each check is one file with `check(subject)` and one line in `CHECKS`."""

from __future__ import annotations

from sfmodel.lint import coalescing, dependencies, holds, load, retries, timeouts, unbounded, unused
from sfmodel.lint.hits import Hits
from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.run import Run

CHECKS = (
    dependencies.check,
    load.check,
    retries.check,
    timeouts.check,
    unbounded.check,
    holds.check,
    coalescing.check,
    unused.check,
)
"""Every check, in the order in which it is printed."""


def lint(run: Run, hit: Hits | None = None) -> str:
    """Return the findings of all checks as text; `hit` are the assumed hit ratios, 80 % for all unless given."""
    subject = Subject(run, hit or Hits())
    return "\n\n".join(section.text() for section in (check(subject) for check in CHECKS))


__all__ = ["CHECKS", "Hits", "Section", "Subject", "lint"]
