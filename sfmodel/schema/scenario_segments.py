"""Scenario events and interventions that are switched on: the effective configuration of each stretch of time.

At time t it is the base, with the interventions that are on, with the active events applied in listed order: an event first
sets, then scales.
Keys are relative to the platform (`services.engine.stations.cpu.servers`) or start with `demand.`; steps go by number or
by label.
Events act on the mapping that the user wrote, which is then validated as a whole: a change that would be
refused in a file is refused in an event. `scale` multiplies the parsed value, so that it also acts on
defaults and on any unit.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.durations import KINDS, Distribution
from sfmodel.schema.keys import Place, is_model, names_at, place_at, plain
from sfmodel.schema.labels import parts_of
from sfmodel.schema.load import parse_run
from sfmodel.schema.quantities import InBaseUnits
from sfmodel.schema.run import Run
from sfmodel.schema.scenario import Event
from sfmodel.schema.writing import put

STRUCTURE = frozenset({
    "name", "replicas", "balancer", "health_check", "hold", "use", "call", "send", "fork", "join", "publish",
    "lookup", "store", "invalidate", "pass", "choose", "count", "return", "fail", "do", "steps", "label", "kind",
    "key", "of", "read", "write", "order", "handler", "eviction", "samples", "clock", "population", "items",
    "clusters", "arrivals", "sessions", "types", "mix", "users", "content", "user", "item", "follow_demand",
    "peak_hours", "normal_hours", "retries", "throttle", "breaker", "hedge", "memory", "scaling", "adaptive", "shedding",
    "title", "unit", "unless_zombie",
})  # fmt: skip
"""Keys whose change would be another platform: what there is, and how it is connected."""

READ_AT_THE_START = {
    ("platform", "sources", "*", "at"): "these times are listed before the run begins",
    ("platform", "sources", "*", "file"): "these times are read before the run begins",
    ("platform", "services", "*", "caches", "*", "warm"): "the cache is filled at the run's first moment",
    ("platform", "counters", "*", "start"): "it is the total at the run's first moment",
}
"""Keys that are read once, and why a change during the run would do nothing."""


def segments(run: Run) -> list[tuple[float, Run]]:
    """Return the effective run of each stretch of time.

    Returns
    -------
    list of (time_s, Run)
        In order of time. The first begins at `start` minus `warmup`; each lasts until the next, the last until `until`.
        Without events, and with nothing switched on later, there is one, the run itself.
    """
    begin_s = run.start - run.warmup
    result: list[tuple[float, Run]] = []
    for time_s in _boundaries(run, begin_s):
        active = [i for i, event in enumerate(run.scenario.events) if is_active(event, time_s)]
        result.append((time_s, effective(run, active, switched=not run.is_switched or time_s >= _switch_s(run))))
    return result


def _switch_s(run: Run) -> float:
    return -math.inf if run.switch_on is None else run.switch_on


def is_active(event: Event, time_s: float) -> bool:
    """Tell whether an event acts at a time: from `at` on, for `for`, its end not included."""
    return event.at <= time_s and (event.for_ is None or time_s < event.at + event.for_)


def effective(run: Run, active: Iterable[int], *, switched: bool = True) -> Run:
    """Return the run with these events, by their place in the list, applied in listed order.

    `switched`: with its interventions; otherwise as it is without them.
    """
    chosen = list(active)
    if not chosen and switched:
        return run
    mapping = copy.deepcopy(_base_mapping(run) if switched else run.before)
    for index in chosen:
        apply(mapping, run.scenario.events[index])
    return parse_run(mapping)


def apply(mapping: dict[str, Any], event: Event) -> None:
    """Apply one event to a mapping, in place: set, then scale."""
    for key, value in event.set.items():
        put(mapping, parts_of(key, mapping), copy.deepcopy(value))
    for key, factor in event.scale.items():
        parts = parts_of(key, mapping)
        put(mapping, parts, _scaled(_parsed_at(mapping, parts), factor))


def check_events(run: Run) -> None:
    """Check that events name keys that exist and that may change, with values that fit.

    Raises
    ------
    ConfigError
        One line per mistake, with the event's key.
    """
    lines: list[str] = []
    mapping = _base_mapping(run)
    for index, event in enumerate(run.scenario.events):
        for option, keys in (("set", event.set), ("scale", event.scale)):
            for key in keys:
                where = f"scenario.events.{index}.{option}: "
                lines += [where + text for text in _mistake(mapping, key, option)]
    if lines:
        raise ConfigError("\n".join(lines))
    _check_values(run)


def _check_values(run: Run) -> None:
    """Each event alone, then each stretch, must be a valid configuration."""
    for index in range(len(run.scenario.events)):
        try:
            changed = effective(run, [index])
        except ConfigError as error:
            lines = [f"scenario.events.{index}: {line}" for line in str(error).splitlines()]
            raise ConfigError("\n".join(lines)) from None
        for name, source in run.platform.sources.items():
            now = changed.platform.sources[name]
            if now.kind != source.kind:
                raise ConfigError(
                    f"scenario.events.{index}: platform.sources.{name} would go from '{source.kind}' to '{now.kind}', "
                    "and what makes its arrivals cannot change during a run; make two sources of it"
                )
    try:
        segments(run)
    except ConfigError as error:
        raise ConfigError(f"scenario.events: together they do not fit: {error}") from None


def _boundaries(run: Run, begin_s: float) -> list[float]:
    """The first moment, and every later one at which an event begins or ends before the run's end."""
    times = {begin_s}
    for event in run.scenario.events:
        times.add(event.at)
        if event.for_ is not None:
            times.add(event.at + event.for_)
    if run.is_switched:
        times.add(_switch_s(run))
    return sorted(t for t in times if t == begin_s or begin_s < t < run.until)


def _base_mapping(run: Run) -> dict[str, Any]:
    if run.scenario.events and not run.written:
        raise ConfigError("scenario.events: a run built in Python needs parse_run, which keeps what was written")
    return run.written


# Keys


def _mistake(mapping: dict[str, Any], key: str, option: str) -> list[str]:
    """What is wrong with a key of an event, as one line or none."""
    try:
        parts = parts_of(key, mapping)
    except ConfigError as error:
        return [f"unknown key '{key}': {error}"]
    for length in range(1, len(parts) + 1):
        missing = _unknown_part(mapping, parts[:length])
        if missing:
            return [f"unknown key '{key}': {missing}"]
    return _unchangeable(mapping, key, parts, option)


def _unknown_part(mapping: dict[str, Any], parts: list[str]) -> str:
    """Return why the last of these parts does not exist; empty where it does."""
    above = place_at(parts[:-1], mapping)
    valid = names_at(parts[:-1], mapping)
    place = place_at(parts, mapping)
    named = above is not None and not is_model(above.model)  # an entry of services, stations, steps, …
    open_ended = parts[-2:-1] in (["replica_speed"], ["points"], ["down"])
    if above is not None and is_model(above.model) and above.written is None and _is_off(above):
        return f"{'.'.join(parts[:-1])} is off, and an event cannot switch it on; switch it on in the platform"
    if place is None or (named and place.written is None and not open_ended):
        inside = ".".join(parts[:-1]) or "the configuration"
        if not valid:
            return f"{inside} has no keys below it"
        return f"there is no '{parts[-1]}' in {inside}; {nearest(parts[-1], valid)}"
    return ""


def _is_off(place: Place) -> bool:
    """An option such as `breaker` that is not there unless it is written."""
    return place.field is not None and not place.field.is_required() and place.field.default is None


def _unchangeable(mapping: dict[str, Any], key: str, parts: list[str], option: str) -> list[str]:
    place = place_at(parts, mapping)
    assert place is not None
    handler = parts[-1].startswith("on_")
    if parts[-1] in STRUCTURE or handler or _is_named_thing(place, parts):
        return [f"'{key}' is structure and cannot change during a run; change a number of it, or make two platforms"]
    if place.model is Distribution and place.written is None and _is_off(place):
        return [f"'{key}' is off, and an event cannot switch it on; switch it on in the platform"]
    reason = _only_at_the_start(parts)
    if reason:
        return [f"'{key}' cannot change during a run: {reason}; write it into the platform"]
    if option == "scale" and _scaled_or_none(_parsed_at(mapping, parts)) is None:
        return [f"'{key}' is not a number that could be scaled; use set"]
    return []


def _only_at_the_start(parts: list[str]) -> str:
    """Why a change of this key would do nothing; empty where it does something."""
    for pattern, reason in READ_AT_THE_START.items():
        if len(parts) >= len(pattern) and all(name in ("*", part) for name, part in zip(pattern, parts, strict=False)):
            return reason
    return ""


def _is_named_thing(place: Place, parts: list[str]) -> bool:
    """Whole services, stations, steps and so on: their names are structure."""
    model = place.model
    if model is Distribution:
        return False
    holds_models = getattr(model, "__args__", ()) and is_model(plain(model.__args__[-1]))
    return parts == ["platform"] or bool(holds_models) or _is_entry(place)


def _is_entry(place: Place) -> bool:
    """A model that is no option of another: an entry of a mapping or a list."""
    return is_model(place.model) and place.field is None


# Values


def _parsed_at(mapping: dict[str, Any], parts: list[str]) -> Any:
    """Return the validated value at a path: of what was written, else the default."""
    place = place_at(parts, mapping)
    if place is None:
        return None
    value = place.written
    if value is None and place.field is not None and not place.field.is_required():
        value = place.field.get_default(call_default_factory=True)
        if not isinstance(value, str):
            return value
    try:
        return TypeAdapter(place.annotation).validate_python(value)
    except ValidationError:
        return None


def _scaled_or_none(value: Any) -> Any:
    return None if isinstance(value, bool | str) else _scaled(value, 1.0) if _is_scalable(value) else None


def _is_scalable(value: Any) -> bool:
    return isinstance(value, int | float | Distribution)


def _scaled(value: Any, factor: float) -> Any:
    """Multiply a parsed value; whole numbers are rounded, a distribution keeps its shape."""
    if isinstance(value, Distribution):
        return _scaled_distribution(value, factor)
    if isinstance(value, int) and not isinstance(value, bool):
        return round(value * factor)
    return InBaseUnits(float(f"{value * factor:.15g}"))  # 10 servers less 0.9 of them are one, not 0.9999999999999998


def _scaled_distribution(distribution: Distribution, factor: float) -> dict[str, Any]:
    kind = next(kind for kind in KINDS if getattr(distribution, kind) is not None)
    shape = getattr(distribution, kind)
    if not isinstance(shape, BaseModel):
        scaled: Any = InBaseUnits(shape * factor)
    elif kind == "empirical":
        scaled = {**shape.model_dump(), "scale": shape.scale * factor}  # type: ignore[attr-defined]
    else:
        scaled = {"mean": InBaseUnits(shape.mean * factor), "cv": shape.cv}  # type: ignore[attr-defined]
    return {kind: scaled, "plus": InBaseUnits(distribution.plus * factor)}
