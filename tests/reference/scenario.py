"""Scenario events: the configuration of the moment (section 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, TypeAdapter

from sfmodel.schema.durations import Distribution, MeanCv, Recorded
from sfmodel.schema.run import Run
from sfmodel.schema.scenario import Event

from .clock import SCENARIO

if TYPE_CHECKING:
    from .world import World

Change = Callable[[Any, Any], Any]


def schedule(world: World) -> None:
    """A change of parameters at each begin and end of an event."""
    for event in world.base.scenario.events:
        for time in (event.at, None if event.for_ is None else event.at + event.for_):
            if time is not None and time >= world.clock.now:
                world.clock.at(time, (SCENARIO,), world.change)


def run_at(base: Run, time: float) -> Run:
    """The base with the events active at a time, applied in listed order."""
    run = base
    for event in base.scenario.events:
        if event.at <= time and (event.for_ is None or time < event.at + event.for_):
            run = apply(run, event)
    return run


def apply(run: Run, event: Event) -> Run:
    """One event's changes."""
    for key, value in event.set.items():
        run = changed(run, Run, path_of(key), lambda _, annotation, value=value: parsed(value, annotation))
    for key, factor in event.scale.items():
        run = changed(run, Run, path_of(key), lambda old, _, factor=factor: scaled(old, factor))
    return run


def path_of(key: str) -> list[str]:
    """Keys below the run: those of the platform may be written without `platform`."""
    path = key.split(".")
    return path if path[0] in ("platform", "demand") else ["platform", *path]


def parsed(value: Any, annotation: Any) -> Any:
    """A raw value as the type at its place."""
    return TypeAdapter(annotation).validate_python(value)


def changed(value: Any, annotation: Any, path: list[str], change: Change) -> Any:
    """A copy of a model, mapping or list with one place in it changed."""
    if not path:
        return change(value, annotation)
    if isinstance(value, BaseModel):
        name, field = next((n, f) for n, f in type(value).model_fields.items() if path[0] in (n, f.alias))
        inner = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        return value.model_copy(update={name: changed(getattr(value, name), inner, path[1:], change)})
    if isinstance(value, list | tuple):
        index = int(path[0])
        new = changed(value[index], None, path[1:], change)
        return type(value)([*value[:index], new, *value[index + 1 :]])
    key = next((k for k in value if str(k) == path[0]), path[0])
    return {**value, key: changed(value.get(key), value_type(annotation), path[1:], change)}


def value_type(annotation: Any) -> Any:
    """The type of a mapping's values."""
    arguments = get_args(annotation)
    return arguments[1] if len(arguments) == 2 else Any


def scaled(old: Any, factor: float) -> Any:
    """A number, or every time of a distribution, times a factor."""
    if isinstance(old, Distribution):
        fields = {name: getattr(old, name) for name in type(old).model_fields}
        return old.model_copy(update={name: scaled(v, factor) for name, v in fields.items() if v is not None})
    if isinstance(old, MeanCv):
        return old.model_copy(update={"mean": old.mean * factor})
    if isinstance(old, Recorded):
        return old.model_copy(update={"scale": old.scale * factor})
    return round(old * factor) if isinstance(old, int) else old * factor
