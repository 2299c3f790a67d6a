"""What is claimed of the platform, checked on this run."""

from __future__ import annotations

from collections import Counter

from sfmodel.claims import Given, check, read_claims
from sfmodel.claims.reports import claims_data, claims_table
from sfmodel.report.parts import Missing, Note, Part, listing, records
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted, joined
from sfmodel.rows.files import file_of


def section(run: RunSubject) -> list[Part | Note]:
    """The table of `sfmodel check`."""
    run.needs()
    if run.is_incomplete:
        raise Missing("Claims are not checked on an incomplete run.")
    path = file_of("claims", run.ds)
    if path is None:
        raise Missing(
            f"Nothing is claimed of this platform: there is no conf/claims/{run.ds.attrs.get('platform')}.yaml."
        )
    claims = read_claims(path)
    checked, unchecked = check(claims, [Given(run.folder.name, run.folder, run.root)])
    if not checked:
        raise Missing(
            f"None of the {counted(len(unchecked), 'claim')} about the platform is about a run such as this one."
        )
    verdicts = Counter(one.verdict for one in checked)
    said = joined([f"{count} {verdict}" for verdict, count in verdicts.items()])
    says = f"Of {counted(len(checked), 'claim')} about such a run: {said}; {len(unchecked)} more are about others."
    rows = claims_data(checked, unchecked)["claims"]
    for row, one in zip(rows, checked, strict=True):
        row["value"] = one.interval.mean if one.interval else None
    keys = ("say", "runs", "verdict", "because", "value")
    sheet = records("claims", [{key: row[key] for key in keys} for row in rows])
    return [listing(claims_table(checked), "Claims", says, sheet)]
