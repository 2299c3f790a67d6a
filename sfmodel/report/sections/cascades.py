"""Who dragged down whom, as `sfmodel diagnose` says it; and what is left of each edge that was cut, where it was."""

from __future__ import annotations

from sfmodel.clock import clock
from sfmodel.diagnosis.ablation import FOLDER, cut_key
from sfmodel.diagnosis.cascade_table import HOW, ablations_of, cascades_table
from sfmodel.diagnosis.kept import kept
from sfmodel.report.parts import Missing, Note, Part, Sheet, listing
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted
from sfmodel.results.summary import format_value


def section(run: RunSubject) -> list[Part | Note]:
    """The table, each cascade with its edges."""
    run.needs("endpoint_causes", "endpoint_cause_time", "call_outcomes")
    found = run.cascades
    if not found:
        raise Missing("There is no cascade in this run: no service in trouble dragged another one down.")
    cuts = ablations_of(kept(run.folder / FOLDER, run.ds) or [], found)
    judged = {one.key: one for one in cuts}
    rows = [
        (
            number, clock(one.begins_s, True), clock(one.ends_s, True), clock(one.peak_s, True), " > ".join(one.path), one.cause,
            one.share, edge.source, edge.target, HOW[edge.how], edge.share, clock(edge.begins_s, True),
            cut.verdict if cut else "", cut.left if cut else None,
        )
        for number, one in enumerate(found, 1)
        for edge in one.edges
        for cut in [judged.get(cut_key(one, edge))]
    ]  # fmt: skip
    heads = (
        "cascade", "from", "to", "worst", "path", "comes from", "share of the trouble", "edge from", "edge to", "how",
        "edge's share", "edge begins", "when it is cut", "left",
    )  # fmt: skip
    sheet = Sheet("cascades", {head: [row[k] for row in rows] for k, head in enumerate(heads)})
    longest = max(found, key=lambda one: (len(one.path), one.ends_s - one.begins_s))
    end = "the end of the run" if longest.lasts else clock(longest.ends_s)
    says = (
        f"{counted(len(found), 'cascade')}; the one of the longest path is {' → '.join(longest.path)}, from "
        f"{clock(longest.begins_s)} to {end}, of whose trouble {format_value(longest.share, 'share')} comes from {longest.cause}."
    )
    table = listing(cascades_table(found, "", cuts), "Cascades and their edges", says, sheet)
    if cuts:
        held = sum(one.verdict == "holds" for one in cuts)
        return [
            table,
            Note(f"{counted(len(cuts), 'edge')} were cut, for one run each with the same seed; {held} of them hold."),
        ]
    hint = f"sfmodel diagnose {run.folder.name} --ablate"
    return [
        table,
        Note(f"No edge was cut in this run, so none is confirmed; '{hint}' cuts each for one run with the same seed."),
    ]
