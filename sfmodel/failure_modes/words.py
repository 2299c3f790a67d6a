"""What is found, in sentences."""

from __future__ import annotations

from collections import Counter

from sfmodel.alerts.objectives import Objective
from sfmodel.failure_modes.modes import Mode
from sfmodel.failure_modes.search import Search
from sfmodel.failure_modes.trials import Setting, Trials
from sfmodel.results.intervals import Interval
from sfmodel.results.summary import format_value


def objective_in_words(objective: Objective) -> str:
    """What is promised."""
    what = objective.say or "What is asked is answered"
    within = "" if objective.within is None else f" within {format_value(objective.within, 's')}"
    ends = f"at {', '.join(objective.endpoints)}{within}"
    return f"{what}: {format_value(objective.objective, 'share')} {ends}"


def said_of(mode: Mode, setting: Setting, limit: float) -> str:
    """What a mode does."""
    minutes = (setting.until_s - setting.at_s) / 60
    seeds = f"{len(mode.harms)} seeds" if mode.is_on_all_seeds else "one seed, which may be chance"
    broken = (
        f"With this {shares(mode.bad)} of what is asked in {minutes:g} min from {setting.at} on is not answered so, without "
        f"it {shares(mode.usual)}, of {seeds}; broken is what adds more than {format_value(limit, 'share')}."
    )
    again = f" {held_out_in_words(mode).capitalize()}, which the search has not seen." if mode.held_out else ""
    cascade = f" It goes {' → '.join(mode.path)}, from {mode.cause}." if mode.path else ""
    before = f" {' → '.join(mode.before)} was there before it." if mode.before else ""
    return f"{broken}{again}{cascade}{before} {afterwards(mode, setting).capitalize()}. Cost {mode.trigger.cost:.2g}."


def held_out_in_words(mode: Mode) -> str:
    """On which seeds that no step of the search has seen it breaks the objective."""
    said = {True: "also with", False: "not with", None: "not judged with"}
    seeds = {breaks: [str(one.seed) for one in mode.held_out if one.breaks is breaks] for breaks in said}
    parts = [f"{said[b]} seed{'s' if len(own) > 1 else ''} {', '.join(own)}" for b, own in seeds.items() if own]
    return "; ".join(parts) or "not tried on a held-out seed"


def afterwards(mode: Mode, setting: Setting) -> str:
    """Whether it is over some time after its trigger."""
    after = f"{setting.patience_s / 60:g} min after its end"
    if mode.outlives is None:
        return f"not known {after}"
    return f"still broken {after}: a backlog or a metastable state" if mode.outlives else f"over {after}"


def shares(found: Interval) -> str:
    """A share with its interval."""
    if found.ends is None:
        return format_value(found.mean, "share")
    low, high = (min(1.0, max(0.0, end)) for end in found.ends)
    return f"{format_value(found.mean, 'share')} ({format_value(low, 'share')} to {format_value(high, 'share')})"


def nothing_found(search: Search) -> str:
    """The answer in a sentence, where nothing is known to break the objective."""
    judged, places = len(search.harmful) + len(search.harmless), len(search.places)
    if judged + len(search.unjudged) < places:
        return f"nothing breaks it of {judged} of {places} places: not all have been tried"
    if not judged:
        return f"nothing is known: none of {places} places could be judged"
    longest = format_value(search.trials.setting.longest_s, "s")
    besides = f"; {len(search.unjudged)} more could not be judged" if search.unjudged else ""
    return (
        f"nothing breaks it: each of {judged} places was tried at its largest for {longest}, and {search.trials.count} triggers "
        f"in all{besides}"
    )


def unjudged_in_words(trials: Trials) -> str | None:
    """How many trials could not be judged, and why; none: all could."""
    if not trials.unjudged:
        return None
    count = len(trials.unjudged)
    why = [reason if n == 1 else f"{reason} ({n} times)" for reason, n in Counter(trials.unjudged.values()).items()]
    return f"{count} trial{'s' if count > 1 else ''} could not be judged: {'; '.join(why)}"
