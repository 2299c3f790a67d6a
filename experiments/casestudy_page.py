"""The page of text of experiments/casestudy.py: each answer in sentences and a table, of what the commands printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from casestudy_found import (
    SHORT,
    TITLES,
    Found,
    NotThereError,
    best_first,
    cuts_of,
    effects_of_queue,
    is_storm,
    judged,
    markdown_table,
    said_effect,
    said_figure,
    said_of_cascade,
    said_share,
    said_where,
    storms_of,
)
from casestudy_short import AT_OTHER_LEVELS, in_short

from sfmodel.clock import clock
from sfmodel.diagnosis.ablation import LEFT
from sfmodel.diagnosis.bottleneck_table import bottlenecks_of
from sfmodel.diagnosis.bottlenecks import largest
from sfmodel.diagnosis.cascade_table import HOW
from sfmodel.report.words import counted, joined
from sfmodel.results.replications import written_seeds
from sfmodel.results.summary import PERIODS, format_value

if TYPE_CHECKING:
    import xarray as xr

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
USUAL = (
    "Listed is what goes on after the trigger. Usual is what a run shows in its calmest fifth; trouble is what fails, or takes "
    "longer, beyond it. Each share is of the cascade's own hours; those of two cascades do not add up."
)
CUTTING = (
    "Each edge was cut alone, for one run with the same seed, from the window before the cascade named on; what is left is read "
    f"at the service that it makes suffer. It *holds* where at most {100 * LEFT:.0f} % is left, *partly* up to "
    f"{100 * (1 - LEFT):.0f} %: there is another way; where more is left it *does not hold*: most of the trouble comes without "
    "it. Of one run each, nothing is known of chance."
)
FEW = 2
"""Seeds of which an interval is told with a warning."""
MOST_QUEUES = 8
"""Stations in the table of those with a queue."""


def _apart(lines: Sequence[str]) -> list[str]:
    """Lines behind a table."""
    return ["", *lines] if lines else []


Tell = Callable[[Found], list[str]]


def bottlenecks(found: Found) -> list[str]:
    """What is busy, what more of it would change, what failures come from."""
    more = found.of("more")
    if not more["bottlenecks"]:
        return ["No resource was tried."]
    tried = bottlenecks_of(more["bottlenecks"])
    rows = [
        (one.candidate.name, f"{100 * (one.factor - 1):.0f} %", *(_known(share) for share in (
            one.candidate.trouble.busy, one.candidate.trouble.failure_share)),
         said_effect(one.effects["failing"], "share"), said_effect(one.effects["p95"], "s"))
        for one in tried
    ]  # fmt: skip
    heads = ("resource", "more of it", "busy", "failures from it", "change in failures", "change in p95")
    first = tried[0].candidate.name
    most = largest(tried, first)
    busiest = max(tried, key=lambda one: np.nan_to_num(one.candidate.trouble.busy)).candidate.name
    differ = "is also the busiest" if busiest == first else f"is not the busiest, which is {busiest}"
    sure = [what for what, key in (("failures", "failing"), ("p95", "p95")) if most.effects[key].is_found]
    measured = f"Measured at {more['endpoint'] or 'all that enters the platform'}, {more['period']},"
    changes = f"changes {sure[0]} most" if sure else "changes most, and that may be chance"
    return [
        f"Of what was tried, more of {first} {changes}; it {differ} "
        f"({found.link('where time and failures come from', 'evening', 'causes')}). {measured} beside the same hours as they "
        f"were, with {counted(more['seeds'], 'seed')}; what may be chance is in parentheses. *Failures from it* counts every "
        "failed request once, for what kept or refused it in the end (what a full pool turns away, for what held its workers); "
        "the *trouble* of cascades, below, is what a service suffers beyond what is usual, and from whom.",
        "",
        *markdown_table(heads, rows),
    ]


def _known(share: float) -> str:
    return said_share(None if math.isnan(share) else share)


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
    every = effects_of_queue(effects)
    said = [f"- {where}: {joined([text for text, _ in sizes])}" for where, sizes in every.items()]
    changes = "A bounded queue with a deadline between gateway and engine (`gateway_queue`) changes:"
    return [*lines, "", changes, "", *(said or ["- nothing is known: its run is not finished"]), "", AT_OTHER_LEVELS,
            *_unfinished(effects)]  # fmt: skip


def paths(found: Found) -> list[str]:
    """Who drags down whom in each storm, and which edges hold when they are cut."""
    lines = [USUAL, ""]
    cut = False
    for name, title in TITLES.items():
        try:
            spread = found.of(f"spread-{name}")
        except NotThereError as error:
            lines += [f"**{title}**: missing, {error}.", ""]
            continue
        storms, hours = storms_of(name, spread), found.hours(name)
        lines += [f"**{title}**{f' (a run from {hours})' if hours else ''}", ""]
        lines += [_cascade(found, name, one) for one in storms] or ["No cascade goes on after the trigger."]
        if cuts := [edge for one in storms for edge in cuts_of(spread, one)]:
            lines += ["", *_ablations(cuts)]
            cut = True
        lines.append("")
    return [*lines, CUTTING] if cut else lines


def _cascade(found: Found, run: str, one: Mapping[str, Any]) -> str:
    pushes = [_edge(edge) for edge in one["edges"] if edge["how"] not in ("waits", "fails")]
    pushed = f" It is pushed by {joined(pushes)}." if pushes else ""
    return f"- {said_of_cascade(found, run, one)}{pushed}"


def _edge(edge: Mapping[str, Any]) -> str:
    return f"{edge['source']} → {edge['target']} ({HOW[edge['how']]}, {said_share(edge['share'])})"


def _ablations(cuts: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (f"{one['source']} → {one['target']}", HOW[one["how"]], f"from {clock(one['cascade_begins_s'])}",
         "" if one["left"] is None else f"{said_share(one['left'])} at {one['symptom']}", one["verdict"])
        for one in cuts
    ]  # fmt: skip
    return markdown_table(("edge that was cut", "what it says", "in the cascade", "left of the trouble", "the edge"), rows)


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
            failed = said_share(closest["failed"] / closest["attempts"]) if closest["attempts"] else ""
            rows.append((where, f"{loop['name']} ({loop['kind']})", clock(closest["begins_s"]), failed, gain, closest["verdict"]))
    heads = ("in", "loop", "closest from", "fails then", "gain (95 % interval)", "")
    lines = markdown_table(heads, rows) if rows else ["Nothing is made again often enough to be a loop."]
    said = (
        "The gain is how many further attempts one more attempt makes; above 1 a loop feeds itself. It is *not known* where "
        "nearly all fails, so that one more attempt cannot make more fail, or attempts hardly vary, or its interval holds both 0 "
        "and 1."
    )
    return [said, "", *lines, *_apart(missing), "", *_metastability(found)]


def _metastability(found: Found) -> list[str]:
    """Which triggers it recovers from, at which load."""
    import xarray as xr

    from sfmodel.metastability.table import said_of_loads

    try:
        found.check("map")
    except NotThereError as error:
        return [f"The map of what it recovers from is missing: {error}."]
    if not (found.folder / MAP / "map.zarr").exists():
        return ["The map of what it recovers from is missing: time was up before anything could be said."]
    with xr.open_zarr(found.folder / MAP / "map.zarr", consolidated=False) as ds:
        said, lost = list(said_of_loads(ds)), list(_not_back(ds))
        sizes = joined([format_value(size, "share") for size in ds["size"].values.tolist()])
        lengths = joined([format_value(length, "s") for length in ds["duration"].values.tolist()])
        horizon = format_value(ds.attrs["horizon_s"], "s")
    first = (
        f"At constant demand, as multiples of the normal hours' (the evening's peak is about 3), with {sizes} of the engine's "
        f"machines gone for {lengths} ([the map](map.svg)); it is back if it recovers within {horizon}. `none` is the platform "
        "as it is:"
    )
    return [first, "", *(f"- {line}" for line in said), *lost]


def _not_back(ds: xr.Dataset) -> Iterator[str]:
    """Of each load the least triggers from which it did not recover: what is larger and longer is left out."""
    from sfmodel.metastability.recovery import State

    for change in map(str, ds["change"].values):
        for load in ds["load"].values.tolist():
            states = ds["state"].sel(change=change, load=load).stack(cell=("size", "duration")).transpose("cell", "seed")
            lost = (states == State.NOT_RECOVERED).sum("seed").values.tolist()
            runs = states.isin([State.NOT_RECOVERED, State.RECOVERED]).sum("seed").values.tolist()
            cells = [(*cell, *count) for cell, *count in zip(states["cell"].values, lost, runs, strict=True) if count[0]]
            least = [one for one in cells if not any(other[:2] != one[:2] and other[0] <= one[0] and other[1] <= one[1]
                                                     for other in cells)]  # fmt: skip
            said = [f"{format_value(size, 'share')} for {format_value(length, 's')} ({down} of {counted(of, 'seed')})"
                    for size, length, down, of in least]  # fmt: skip
            if said:
                yield f"- {change}: the least from which it is not back at {load:g}: {joined(said)}."


def modes(found: Found) -> list[str]:
    """The cheapest ways to break the objective, which of them are confirmed, and which were not known."""
    if found.quick:
        return ["They are not sought in the quick study; `sfmodel failure-modes` takes from twenty minutes on."]
    data = found.of("modes")
    unjudged = f" {counted(len(data['unjudged']), 'trial')} could not be judged." if data["unjudged"] else ""
    if not data["modes"]:
        return [f"In {data['runs']} runs no trigger was found that breaks '{data['objective']}'.{unjudged} {ONLY}"]
    most = max(len(one["seeds"]) for one in data["modes"])
    on_all = [one for one in data["modes"] if len(one["seeds"]) == most]
    rows = [
        (_mode(one), f"{one['cost']:.2g}", " → ".join(one["path"]) or "none",
         {True: "stays broken", False: "is over with it", None: ""}[one["outlives"]], one["known"] or "new", _confirmed(one))
        for one in on_all
    ]  # fmt: skip
    screened = [f"- {_mode(one)}" for one in data["modes"] if one not in on_all]
    more = ["", "These break it, too, at the largest size that was tried and on the first seed alone; they were not made "
            "smaller, since cheaper ones came first:", "", *screened]  # fmt: skip
    confirmed = sum(one["confirmed"] for one in data["modes"])
    said = (
        f"Triggers at {clock(data['at_s'])} that break '{data['objective']}', sought in {data['runs']} runs: what is not "
        f"answered well grows by more than {100 * data['limit']:.2g} pp, which is the budget and chance. {confirmed} of "
        f"{len(on_all)} that were tried on all seeds of the search are confirmed: made as small as can be, and on a held-out "
        f"seed. The cost of a fault is its size, in doublings, times its minutes.{unjudged} {ONLY}"
    )
    table = markdown_table(("trigger", "cost", "cascade", "afterwards", "known as", "confirmed"), rows) if rows else []
    return [said, "", *table, *(more if screened else [])]


def _mode(one: Mapping[str, Any]) -> str:
    return f"[{one['trigger']}]({MODES}/scenario/{one['scenario']}.yaml)"


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
    hours = sorted({hours for name in (*TITLES, "changes") if (hours := found.hours(name))})
    said = [f"Each on as much of its hours as the run has; all but the evening go from {joined(hours)}.", ""] if hours else []
    more = ["", "Not checked here, of other runs:", "", *left] if left else []
    return [*said, *markdown_table(("claim", "runs", "", "measured", "claimed"), rows), *more]


def alerting(found: Found) -> list[str]:
    """When alerts fire after a trigger, and how often without one: before it, on a plain evening, in quiet ones."""
    rows, missing = [], []
    for name in TITLES:
        try:
            alarms = found.of(f"alerts-{name}")
        except NotThereError as error:
            missing.append(f"{SHORT[name]}: missing, {error}.")
            continue
        told = _after_and_before(alarms)
        rows += [(SHORT[name], f"{alert}{seen}", delay, str(before)) for alert, (delay, seen, before) in told.items()]
        if not told:
            missing.append(f"{SHORT[name]}: none fires after the trigger.")
    heads = ("storm", "alert", "fires after", "times before the trigger")
    return [*markdown_table(heads, rows), *_apart(missing), "", _without_a_storm(found), "", _in_quiet_ones(found)]


def _after_and_before(alarms: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str, int]]:
    """Each alert that fires after the trigger or fires already, soonest first: after how long, how much of its hours was seen by
    then, and how often it had begun before. Of one that fires already, a later beginning says nothing of the trigger."""
    told: dict[str, tuple[str, str, int]] = {}
    for one in sorted(alarms, key=lambda one: one["after_trigger_s"]):
        name, delay = _name_of(one), one["after_trigger_s"]
        own = [other for other in alarms if _name_of(other) == name and other["after_trigger_s"] < 0]
        if delay < 0 and (one["lasts"] or one["ends_s"] - one["fires_s"] > -delay):
            told[name] = ("fires already", "", len(own))
        part = one.get("seen_s", 0.0) < one.get("long_s", 0.0)  # it comes later after hours of usual traffic
        if delay >= 0:
            seen = f", {one['seen_s'] / 60:.0f} min of it seen" if part else ""
            told.setdefault(name, (format_value(delay, "s"), seen, len(own)))
    return told


def _name_of(alarm: Mapping[str, Any]) -> str:
    return f"{alarm['objective']}: {alarm['alert']}"


def _without_a_storm(found: Found) -> str:
    try:
        alarms = found.of("alerts-evening")
    except NotThereError as error:
        return f"What fires on an evening without a storm is missing: {error}."
    kinds = {"cascades": [one for one in alarms if "source" in one], "burn rates": [one for one in alarms if "source" not in one]}
    fired = [f"alerts on {kind} fire {counted(len(own), 'time')}, first at {clock(min(one['fires_s'] for one in own))}"
             for kind, own in kinds.items() if own]  # fmt: skip
    said = "An alert says that users suffer, not that there was a trigger: on the evening without a storm"
    return f"{said} {joined(fired) or 'none fires'}."


def _in_quiet_ones(found: Found) -> str:
    try:
        quiet = found.of("alerts-quiet")
    except NotThereError as error:
        return f"False alarms of quiet evenings are missing: {error}."
    hours = found.hours("quiet")
    calm = f"quiet evenings{f' from {hours}' if hours else ''}, whose demand stays at its normal level"
    if not quiet:
        return f"There is no alert whose false alarms could be counted in {calm}."
    most = max(quiet, key=lambda one: one["share"][1])
    fired = joined([f"{one['alert']} in {one['fired']}" for one in quiet if one["fired"]])
    return (
        f"False alarms in {counted(quiet[0]['seeds'], 'seed')} of {calm}: {fired or 'none'}. The 95 % interval of the share of "
        f"such evenings in which an alert fires reaches to {said_share(most['share'][1])}, of each alert by itself."
    )


def changes(found: Found) -> list[str]:
    """What each intervention does, in order."""
    data = found.of("effects")
    figures, lines = data["figures"], []
    keys = judged(figures)
    for part in data["effects"]:
        rows = best_first(part["rows"], keys[-1] if is_storm(part) else keys[0])
        level = ", ".join(f"{figures[key]['name']}: {format_value(part['level'][key], figures[key]['unit'])}"
                          for key in keys if key in part["level"])  # fmt: skip
        cells = [
            (row["change"], *(said_figure(row["figures"].get(key), figures[key]["unit"]) for key in keys)) for row in rows
        ]
        heads = ("change", *(figures[key]["name"] for key in keys))
        lines += [f"**{said_where(part)}** (without a change: {level}; seeds: {written_seeds(part['seeds'])})", ""]
        lines += [*markdown_table(heads, cells), ""]
    hours = found.hours("changes")
    when = f"Of the {PERIODS[data['period']]}{f', of runs from {hours}' if hours else ''}"
    storms = f", in a storm by {figures[keys[-1]]['name']}" if any(map(is_storm, data["effects"])) else ""
    ranked = f"{when}; ranked by {figures[keys[0]]['name']}{storms} ({found.link('all figures', 'changes', 'effects')})."
    return [f"{ranked}{_of_seeds(data['effects'])}", "", *lines, *_unfinished(data)]


def _of_seeds(effects: Sequence[Mapping[str, Any]]) -> str:
    """What so few seeds say of chance."""
    fewest = min((len(part["seeds"]) for part in effects), default=0)
    if fewest == 1:
        return " Of one seed nothing is known of chance."
    if fewest != FEW:
        return ""
    return (
        " An interval of two seeds rests on how two differences differ: it is wide, or narrow by luck. Those of README and "
        "experiments/interventions.md take how all changes differ together, and find more."
    )


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
