"""What more of each resource would change, where `sfmodel bottlenecks` has been asked."""

from __future__ import annotations

import math
from typing import Any

from sfmodel.diagnosis.bottleneck_table import bottlenecks_of, bottlenecks_table
from sfmodel.diagnosis.bottlenecks import FOLDER, largest
from sfmodel.diagnosis.kept import kept
from sfmodel.report.parts import Missing, Note, Part, Sheet, listing
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted
from sfmodel.results.comparison_table import signed_interval


def section(run: RunSubject) -> list[Part | Note]:
    """The table, by what more of a resource changes, beside the rank by how busy it is."""
    written = kept(run.folder / FOLDER, run.ds)
    if not written or not written.get("bottlenecks"):
        raise Missing(
            "What more of each resource would change is not known: it takes runs of its own, which "
            f"'sfmodel bottlenecks {run.folder.name}' makes and keeps."
        )
    found = bottlenecks_of(written["bottlenecks"])
    first = largest(found, found[0].candidate.name)
    effect = first.effects["failing"]
    sure = abs(effect.mean) > effect.half if not math.isnan(effect.half) else False
    seeds = written.get("seeds") or 1
    says = (
        f"Most would change with {100 * (first.factor - 1):.3g} % more of {first.candidate.name}: failures by "
        f"{signed_interval(effect, 'share')}{'' if sure else ', which may be chance'} ({written.get('period')}, "
        f"{counted(seeds, 'seed')}{', ' + written['endpoint'] if written.get('endpoint') else ''})."
    )
    rows: list[dict[str, Any]] = written["bottlenecks"]
    plain = ("resource", "key", "factor", "busy", "failure_share")
    columns: dict[str, list[Any]] = {key: [row[key] for row in rows] for key in plain}
    for figure, unit in (("failing", "share"), ("p95", "s")):
        columns |= {f"{figure}, {what} ({unit})": [row[figure][what] for row in rows] for what in ("mean", "half")}
    return [
        listing(bottlenecks_table(found), "What more of each resource changes", says, Sheet("bottlenecks", columns))
    ]
