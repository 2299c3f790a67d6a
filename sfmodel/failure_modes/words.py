"""What is found, in sentences."""

from __future__ import annotations

from sfmodel.alerts.objectives import Objective
from sfmodel.failure_modes.modes import Mode
from sfmodel.failure_modes.search import Search
from sfmodel.failure_modes.trials import Setting
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
    seeds = f"{len(mode.harms)} seeds" if mode.is_confirmed else "one seed, which may be chance"
    broken = (
        f"With this {shares(mode.bad)} of what is asked in {minutes:g} min from {setting.at} on is not answered so, without "
        f"it {shares(mode.usual)}, of {seeds}; broken is what adds more than {format_value(limit, 'share')}."
    )
    cascade = f" It goes {' → '.join(mode.path)}, from {mode.cause}." if mode.path else ""
    return f"{broken}{cascade} {afterwards(mode, setting).capitalize()}. Cost {mode.trigger.cost:.2g}."


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


def verdict(search: Search) -> str:
    """The answer in a sentence, where nothing breaks the objective."""
    setting = search.trials.setting
    tried = len(search.harmful) + len(search.harmless)
    if tried < len(search.places):
        return f"nothing breaks it of {tried} of {len(search.places)} places: not all have been tried"
    longest = format_value(setting.longest_s, "s")
    return (
        f"nothing breaks it: each of {tried} places was tried at its largest for {longest}, and {search.trials.count} triggers "
        "in all"
    )
