"""Check a platform without simulating it: each check is one file with `check(subject)` and one line in `CHECKS`."""

from __future__ import annotations

from sfmodel.lint import (
    coalescing,
    dependencies,
    fractions,
    holds,
    load,
    outside,
    retries,
    timeouts,
    unbounded,
    unused,
    warmup,
)
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
    fractions.check,
    outside.check,
    warmup.check,
)
"""Every check, in the order in which it is printed."""

BEFORE_A_RUN = (fractions.check, outside.check, warmup.check)
"""Checks whose findings a run says before it begins."""


def lint(run: Run, hit: Hits | None = None) -> list[Section]:
    """Return the findings of all checks; `hit` are the assumed hit ratios, 80 % for all unless given."""
    subject = Subject(run, hit or Hits())
    return [check(subject) for check in CHECKS]


def cautions(run: Run) -> list[str]:
    """Return what a run should be told before it begins, a line each."""
    subject = Subject(run, Hits())
    return [line for check in BEFORE_A_RUN for line in check(subject).lines]


__all__ = ["CHECKS", "Hits", "Section", "Subject", "cautions", "lint"]
