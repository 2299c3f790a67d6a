"""Points of a sweep that are not finished, and why, where it was recorded."""

from __future__ import annotations

from sfmodel.report.parts import Head, Line, Listing, Missing, Note, Part, Sheet
from sfmodel.report.subject import SweepSubject
from sfmodel.report.words import counted


def section(sweep: SweepSubject) -> list[Part | Note]:
    """The list."""
    missing = sweep.observations.missing
    if not missing:
        raise Missing("Nothing is missing: every point of the sweep is finished.")
    reasons = [sweep.failed.get(name, "") for name in missing]
    failed = sum(map(bool, reasons))
    says = (
        f"{counted(len(missing), 'run')} of {sweep.runs} not finished; {failed} of them failed, the others were not made or were "
        f"interrupted. 'sfmodel run resume={sweep.folder}' goes on with them."
    )
    lines = [Line([name, reason or "not made, or interrupted"]) for name, reason in zip(missing, reasons, strict=True)]
    sheet = Sheet("not_finished", {"run": missing, "reason": reasons})
    return [Listing("Runs that are not finished", says, sheet, [Head("run"), Head("why")], lines)]
