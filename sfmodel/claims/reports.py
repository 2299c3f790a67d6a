"""What was checked, as a table for a terminal, as data, and as JUnit XML for continuous integration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.claims.checking import Checked, Verdict
from sfmodel.claims.claims import Claim
from sfmodel.results.disk import disk_errors
from sfmodel.rows.table import plain_table, range_of, written

if TYPE_CHECKING:
    from rich.table import Table

MARKS: dict[Verdict, str] = {
    "pass": "[green]✓[/green]",
    "fail": "[bold red]✗[/bold red]",
    "undecided": "[yellow]?[/yellow]",
}


def claims_table(checked: Sequence[Checked], title: str = "") -> Table:
    """Lay out claims: a line for each and each group of runs."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("")
    table.add_column("claim", ratio=3, overflow="fold")
    table.add_column("runs", ratio=2, overflow="fold")
    table.add_column("seeds", justify="right")
    table.add_column("measured", justify="right")
    table.add_column("range", justify="right", no_wrap=True)
    for one in checked:
        table.add_row(
            MARKS[one.verdict], escape(one.claim.say), escape(one.group), str(len(one.seeds)), escape(_measured(one)),
            escape(range_of(one.claim)),
        )  # fmt: skip
    return table


def claims_data(checked: Sequence[Checked], unchecked: Sequence[Claim]) -> dict[str, Any]:
    """What was checked as JSON holds it; infinite values are text."""
    return {
        "claims": [
            {
                "say": one.claim.say, "runs": one.group, "verdict": one.verdict, "because": one.because,
                "measured": _measured(one), "range": range_of(one.claim),
                "values": {str(seed): _plain(measured.value) for seed, measured in one.seeds.items()},
                "mean": _plain(one.interval.mean if one.interval else None), "interval": one.interval and one.interval.ends,
            }
            for one in checked
        ],
        "not_checked": [claim.say for claim in unchecked],
    }  # fmt: skip


def write_junit(checked: Sequence[Checked], unchecked: Sequence[Claim], name: str, path: Path) -> None:
    """Write a suite with a case for each claim and group; what is undecided, or made of no run, is skipped.

    Raises
    ------
    RunError
        The file cannot be written.
    """
    from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

    suite = TestSuite(name)
    for one in checked:
        case = TestCase(one.claim.say, one.group)
        said = f"{_measured(one)}, expected {range_of(one.claim)}"
        if one.verdict != "pass":
            case.result = [(Failure if one.verdict == "fail" else Skipped)(said)]
        suite.add_testcase(case)
    for claim in unchecked:
        case = TestCase(claim.say, "")
        case.result = [Skipped("no run that it is made of")]
        suite.add_testcase(case)
    suite.update_statistics()
    found = JUnitXml()
    found.add_testsuite(suite)
    with disk_errors(path.parent):
        found.write(str(path), pretty=True)


def _measured(one: Checked) -> str:
    found = one.interval
    if found is None or len(one.values) < len(one.seeds):
        return one.because
    if found.ends is None:
        return f"{written(found.mean, one.claim)} (one seed)" if len(one.seeds) == 1 else written(found.mean, one.claim)
    low, high = (written(end, one.claim) for end in found.ends)
    return f"{written(found.mean, one.claim)} ({low} to {high})"


def _plain(value: float | None) -> float | str | None:
    return value if value is None or abs(value) != float("inf") else ("inf" if value > 0 else "-inf")
