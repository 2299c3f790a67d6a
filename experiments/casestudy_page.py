"""The page of text of experiments/casestudy.py: each answer in sentences and a table, of what the commands printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from casestudy_found import (
    SHORT,
    TITLES,
    Found,
    NotThereError,
    judged,
    markdown_table,
    said_effect,
    said_figure,
    said_of_queue,
    said_share,
    said_where,
    storms_of,
)
from casestudy_short import in_short

from sfmodel.clock import clock
from sfmodel.diagnosis.bottleneck_table import bottlenecks_of
from sfmodel.diagnosis.bottlenecks import largest
from sfmodel.diagnosis.cascade_table import HOW
from sfmodel.report.words import counted, joined
from sfmodel.results.replications import written_seeds
from sfmodel.results.summary import format_value

PAGE = "casestudy.md"
MAP = "runs/map"
"""Folder of the map of metastability."""
MODES = "runs/failure-modes"
"""Folder of the search for failure modes."""
BY_HAND = (
    "The case study (Success metrics) estimates that a model saves two to three hours beside debugging an incident by hand."
)
ONLY = (
    "Sought were only slower answers, lower limits, shorter lives of entries, more demand and retries, and invalidations, for "
    "four minutes at most; `sfmodel failure-modes` looks at every place and at pairs, for hours."
)
MOST_QUEUES = 8
"""Stations in the table of those with a queue."""


def _apart(lines: Sequence[str]) -> list[str]:
    """Lines behind a table."""
    return ["", *lines] if lines else []


Tell = Callable[[Found], list[str]]


def bottlenecks(found: Found) -> list[str]:
    """What is busy, what more of it would change, what failures come from."""
    more = found.of("more")
    rows = [
        (one["resource"], f"{100 * (one['factor'] - 1):.0f} %", said_share(one["busy"]), said_share(one["failure_share"]),
         said_effect(one["failing"], "share"), said_effect(one["p95"], "s"))
        for one in more["bottlenecks"]
    ]  # fmt: skip
    heads = ("resource", "more of it", "busy", "failures from it", "change in failures", "change in p95")
    first = more["bottlenecks"][0]["resource"]
    most = largest(bottlenecks_of(more["bottlenecks"]), first)
    busiest = max(more["bottlenecks"], key=lambda one: one["busy"] or 0)["resource"]
    differ = "is also the busiest" if busiest == first else f"is not the busiest, which is {busiest}"
    sure = [what for what, key in (("failures", "failing"), ("p95", "p95")) if most.effects[key].is_found]
    measured = f"Measured at {more['endpoint'] or 'all that enters the platform'}, {more['period']},"
    changes = f"changes {sure[0]} most" if sure else "changes most, and that may be chance"
    return [
        f"Of what was tried, more of {first} {changes}; it {differ} "
        f"({found.link('where time and failures come from', 'evening', 'causes')}). {measured} beside the same hours as they "
        f"were, with {counted(more['seeds'], 'seed')}; what may be chance is in parentheses.",
        "",
        *markdown_table(heads, rows),
    ]


def queues(found: Found) -> list[str]:
    """Where tasks wait or are turned away, and what a queue at the gateway would change."""
    stations = found.of("time")["stations"]
    full = sorted((one for one in stations if one["waiting"] or one["refused"]), key=lambda one: -(one["waiting"] or 0))
    rows = [
        (one["station"], format_value(one["waiting"], "1"), said_share(one["utilisation"]), said_share(one["saturated"]),
         f"{one['refused']:,}", f"{one['gave_up']:,}")
        for one in full[:MOST_QUEUES]
    ]  # fmt: skip
    heads = ("station", "waiting, mean", "busy", "windows with a queue", "turned away", "left the queue")
    first = full[0]["station"] if full else "no station"
    link = found.link("queues over the evening", "evening", "queues")
    lines = [f"Most tasks wait at {first} ({link}):", "", *markdown_table(heads, rows)]
    try:
        effects = found.of("effects")
    except NotThereError as error:
        return [*lines, "", f"What a queue between gateway and engine would change is missing: {error}."]
    said = [f"- {line}" for line in said_of_queue(effects)]
    changes = "A bounded queue with a deadline between gateway and engine (`gateway_queue`) changes:"
    return [*lines, "", changes, "", *(said or ["- nothing is known: its run is not finished"]), *_unfinished(effects)]


def paths(found: Found) -> list[str]:
    """Who drags down whom in each storm, and which edges hold when they are cut."""
    lines = []
    for name, title in TITLES.items():
        try:
            spread = found.of(f"spread-{name}")
        except NotThereError as error:
            lines += [f"**{title}**: missing, {error}.", ""]
            continue
        storms = storms_of(name, spread)
        lines += [f"**{title}**", ""]
        lines += [_cascade(found, name, one) for one in storms] or ["No cascade was found."]
        if spread["ablations"]:
            lines += ["", *_ablations(spread["ablations"])]
        lines.append("")
    return lines


def _cascade(found: Found, run: str, one: Mapping[str, Any]) -> str:
    until = "goes on when the run ends" if one["lasts"] else f"until {clock(one['ends_s'])}"
    way = found.link(" → ".join(one["path"]), run, "cascades")
    pushes = [_edge(edge) for edge in one["edges"] if edge["how"] not in ("waits", "fails")]
    pushed = f" It is pushed by {joined(pushes)}." if pushes else ""
    return (
        f"- {way}, from {clock(one['begins_s'])}, {until}: {said_share(one['share'])} of the trouble at {one['path'][-1]} comes "
        f"from {one['cause']}.{pushed}"
    )


def _edge(edge: Mapping[str, Any]) -> str:
    return f"{edge['source']} → {edge['target']} ({HOW[edge['how']]}, {said_share(edge['share'])})"


def _ablations(cuts: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (f"{one['source']} → {one['target']}", HOW[one["how"]], clock(one["cascade_begins_s"]),
         "" if one["left"] is None else said_share(one["left"]), one["verdict"])
        for one in cuts
    ]  # fmt: skip
    return markdown_table(("edge that was cut", "what it says", "cascade from", "left of the symptom", "the edge"), rows)


def loops(found: Found) -> list[str]:
    """Which loops come closest to feeding themselves."""
    rows, missing = [], []
    for run in ("hurts", *(f"spread-{name}" for name in TITLES)):
        where = SHORT.get(run.removeprefix("spread-"), "the evening")
        try:
            every = found.of(run)["loops"]
        except NotThereError as error:
            missing.append(f"{where}: missing, {error}.")
            continue
        for loop in every:
            closest = loop["closest"]
            known = None not in (closest["gain"], closest["low"], closest["high"])
            gain = f"{closest['gain']:.2f} ({closest['low']:.2f} to {closest['high']:.2f})" if known else "–"
            rows.append((where, f"{loop['name']} ({loop['kind']})", clock(closest["begins_s"]), gain, closest["verdict"]))
    heads = ("in", "loop", "closest from", "gain (95 % interval)", "")
    lines = markdown_table(heads, rows) if rows else ["Nothing is made again often enough to be a loop."]
    said = "The gain is how many further attempts one more attempt makes; above 1 a loop feeds itself."
    return [said, "", *lines, *_apart(missing), "", *_metastability(found)]


def _metastability(found: Found) -> list[str]:
    """Which triggers it recovers from, at which load."""
    import xarray as xr

    from sfmodel.metastability.recovery import State
    from sfmodel.metastability.table import said_of_loads

    try:
        found.check("map")
    except NotThereError as error:
        return [f"The map of what it recovers from is missing: {error}."]
    if not (found.folder / MAP / "map.zarr").exists():
        return ["The map of what it recovers from is missing: time was up before anything could be said."]
    with xr.open_zarr(found.folder / MAP / "map.zarr", consolidated=False) as ds:
        said = list(said_of_loads(ds))
        lost = int((ds["state"] == State.NOT_RECOVERED).sum())
    more = ["", f"In {counted(lost, 'run')} it was not back within the horizon."] if lost else []
    return ["At constant demand, as multiples of the normal hours', with part of the engine's machines gone for a while "
            "([the map](map.svg)):", "", *(f"- {line}" for line in said), *more]  # fmt: skip


def modes(found: Found) -> list[str]:
    """The cheapest ways to break the objective, which of them are confirmed, and which were not known."""
    if found.quick:
        return ["They are not sought in the quick study; `sfmodel failure-modes` takes from twenty minutes on."]
    data = found.of("modes")
    unjudged = f" {counted(len(data['unjudged']), 'trial')} could not be judged." if data["unjudged"] else ""
    if not data["modes"]:
        return [f"In {data['runs']} runs no trigger was found that breaks '{data['objective']}'.{unjudged} {ONLY}"]
    rows = [
        (f"[{one['trigger']}]({MODES}/scenario/{one['scenario']}.yaml)", f"{one['cost']:.2g}", " → ".join(one["path"]) or "none",
         {True: "stays broken", False: "is over with it", None: ""}[one["outlives"]], one["known"] or "new", _confirmed(one))
        for one in data["modes"]
    ]  # fmt: skip
    confirmed = sum(one["confirmed"] for one in data["modes"])
    said = (
        f"Triggers at {clock(data['at_s'])} that break '{data['objective']}' on the seeds of the search, {data['runs']} runs: "
        f"what is not answered well grows by more than {100 * data['limit']:.2g} pp, which is the budget and chance; "
        f"{confirmed} of {len(rows)} are confirmed: made as small as can be, and on a held-out seed. The cost of a fault is its "
        f"size, in doublings, times its minutes.{unjudged} {ONLY}"
    )
    return [said, "", *markdown_table(("trigger", "cost", "cascade", "afterwards", "known as", "confirmed"), rows)]


def _confirmed(mode: Mapping[str, Any]) -> str:
    if mode["confirmed"]:
        return "yes"
    if not mode["minimal"]:
        return "not shrunk to the end"
    words = {True: "also with", False: "not with", None: "not judged with"}
    return joined([f"{words[one['breaks']]} seed {one['seed']}" for one in mode["held_out"]]) or "not tried on another seed"


def promises(found: Found) -> list[str]:
    """Claims, and whether they hold."""
    claims = found.of("claims")
    rows = [(one["say"], one["runs"], one["verdict"], one["measured"], one["range"]) for one in claims["claims"]]
    left = [f"- {say}" for say in claims["not_checked"]]
    more = ["", "Not checked here, of other runs:", "", *left] if left else []
    return [*markdown_table(("claim", "runs", "", "measured", "claimed"), rows), *more]


def alerting(found: Found) -> list[str]:
    """When alerts fire after a trigger, and how often in quiet evenings."""
    rows, missing = [], []
    for name in TITLES:
        try:
            alarms = found.of(f"alerts-{name}")
        except NotThereError as error:
            missing.append(f"{SHORT[name]}: missing, {error}.")
            continue
        rows += [(SHORT[name], alert, format_value(delay, "s")) for alert, delay in _first_after(alarms).items()]
    lines = [*markdown_table(("storm", "alert", "fires after"), rows), *_apart(missing), ""]
    try:
        quiet = found.of("alerts-quiet")
    except NotThereError as error:
        return [*lines, f"False alarms of quiet evenings are missing: {error}."]
    calm = "half-hours" if found.quick else "evenings"
    seeds = quiet[0]["seeds"] if quiet else 0
    most = max((one["share"][1] for one in quiet), default=1.0)
    fired = joined([f"{one['alert']} in {one['fired']}" for one in quiet if one["fired"]])
    said = f"False alarms in {seeds} quiet {calm}, whose demand stays at its normal level: {fired or 'none'}"
    return [*lines, f"{said}; with 95 % each alert fires in at most {said_share(most)} of such {calm}."]


def _first_after(alarms: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Each alert that fires after the trigger, with the time until it first does, soonest first."""
    delays: dict[str, float] = {}
    for one in alarms:
        delay = one["after_trigger_s"]
        if delay is not None and delay >= 0:
            part = one.get("seen_s", 0.0) < one.get("long_s", 0.0)  # it comes later after hours of usual traffic
            seen = f", {one['seen_s'] / 60:.0f} min of it seen" if part else ""
            name = f"{one['objective']}: {one['alert']}{seen}"
            delays[name] = min(delay, delays.get(name, delay))
    return dict(sorted(delays.items(), key=lambda item: item[1]))


def changes(found: Found) -> list[str]:
    """What each intervention does, in order."""
    data = found.of("effects")
    figures, lines = data["figures"], []
    keys = judged(figures)
    for part in data["effects"]:
        rows = sorted(part["rows"], key=lambda row: -((row["figures"].get(keys[0]) or {}).get("size") or 0))
        level = ", ".join(f"{figures[key]['name']}: {format_value(part['level'][key], figures[key]['unit'])}"
                          for key in keys if key in part["level"])  # fmt: skip
        cells = [
            (row["change"], *(said_figure(row["figures"].get(key), figures[key]["unit"]) for key in keys)) for row in rows
        ]
        heads = ("change", *(figures[key]["name"] for key in keys))
        lines += [f"**{said_where(part)}** (without a change: {level}; seeds: {written_seeds(part['seeds'])})", ""]
        lines += [*markdown_table(heads, cells), ""]
    ranked = f"Ranked by the first aim, {found.link('with all others', 'changes', 'effects')}:"
    return [ranked, "", *lines, *_unfinished(data)]


def _unfinished(effects: Mapping[str, Any]) -> list[str]:
    missing = effects["missing"]
    return ["", f"Not finished, and left out: {joined(missing)}."] if missing else []


ANSWERS: dict[str, tuple[str, Tell]] = {
    "bottlenecks": ("Where does it hurt?", bottlenecks),
    "queues": ("Where should a queue be?", queues),
    "cascades": ("Which path does a cascade take?", paths),
    "loops": ("Which loops feed themselves, and what does it not recover from?", loops),
    "modes": ("What else breaks it?", modes),
    "alerts": ("Who would have said so, and when?", alerting),
    "changes": ("What should be changed first?", changes),
    "claims": ("What is claimed, and what holds?", promises),
}
"""Answer → its question, and who tells it."""


def write_page(folder: Path, kept: Mapping[str, Mapping[str, Any]], quick: bool) -> Path:
    """Write the page of what is there."""
    found = Found(folder, kept, quick)
    lines = ["# StreamFlow AI, answered", ""]
    if quick:
        lines += [
            "Made with `--quick`: minutes around each trigger after a short warm-up, one seed, so nothing is known of chance. "
            "Failure modes are not sought, and two cells are tried of the map of what it recovers from.",
            "",
        ]
    lines += ["## In short", "", *in_short(found), ""]
    for question, tell in ANSWERS.values():
        lines += [f"## {question}", ""]
        try:
            lines += tell(found)
        except NotThereError as error:
            lines.append(f"Missing: {error}.")
        lines.append("")
    lines += ["## How long it took", "", *_times(kept)]
    path = folder / PAGE
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return path


REPORTS = "reports"
"""What the tasks that write the reports count for."""


def _times(kept: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Time of each answer's commands, added up."""
    rows = []
    for answer, (question, _) in ANSWERS.items():
        seconds = sum(one["seconds"] for one in kept.values() if one["answer"] == answer)
        rows.append((question, f"{seconds / 60:.0f} min"))
    written = sum(one["seconds"] for one in kept.values() if one["answer"] == REPORTS)
    table = markdown_table(("question", "time"), [*rows, ("the reports", f"{written / 60:.0f} min")])
    return [*table, "", BY_HAND]
