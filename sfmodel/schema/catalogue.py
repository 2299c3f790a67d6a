"""Every word of the language, with its unit, default and meaning: read from the models, so it cannot be out of date."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from sfmodel.schema.durations import Distribution
from sfmodel.schema.keys import is_model, plain
from sfmodel.schema.run import Run
from sfmodel.schema.steps import BY_VERB, Step, StepBase, Steps

Row = tuple[str, ...]

_PLACEHOLDERS = {
    "services": "SERVICE", "stations": "STATION", "caches": "CACHE", "limiters": "LIMITER", "queues": "QUEUE",
    "endpoints": "ENDPOINT", "sources": "SOURCE", "counters": "COUNTER", "types": "TYPE", "mix": "CLASS",
    "intervention": "INTERVENTION",
}  # fmt: skip

_UNITS = {"a duration": " s", "a time of day": " s", "a rate": "/s", "a size": " B"}


def parameters() -> list[Row]:
    """Return (key, kind, default, meaning) of every parameter: the run's, the platform's, each verb's."""
    rows = _of_model(Run, "")
    for verb, model in BY_VERB.items():
        rows += _of_model(model, f"steps.{verb}.")
    return rows


def mechanisms() -> list[Row]:
    """Return (name, meaning) of every mechanism a platform can be built from."""
    rows: list[Row] = [(f"step: {verb}", _first_line(model)) for verb, model in BY_VERB.items()]
    seen = dict.fromkeys(model for model in _models(Run) if not issubclass(model, StepBase))
    return rows + [(model.__name__, _first_line(model)) for model in seen]


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _of_model(model: type[BaseModel], prefix: str) -> list[Row]:
    rows: list[Row] = []
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        inner, path = _inner(field.annotation, key, field.alias or name)
        if inner is None or inner is Distribution:
            rows.append((key, _kind(field), _default(field), field.description or ""))
        else:
            rows += _of_model(inner, path + ".")
    return rows


def _inner(annotation: Any, key: str, name: str) -> tuple[Any, str]:
    """The model below a field, and its path; None for plain values and scripts."""
    if annotation is Steps or annotation is Step:
        return None, key
    kind = plain(annotation)
    if typing.get_origin(kind) is dict:
        below = plain(typing.get_args(kind)[-1])
        return (below, f"{key}.{_PLACEHOLDERS.get(name, 'NAME')}") if is_model(below) else (None, key)
    if typing.get_origin(kind) is list and not isinstance(typing.get_args(kind)[0], str):
        below = plain(typing.get_args(kind)[0])
        return (below, f"{key}.N") if is_model(below) else (None, key)
    return (kind, key) if is_model(kind) else (None, key)


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    for name, field in model.model_fields.items():
        inner, _ = _inner(field.annotation, name, name)
        if inner is not None:
            found += [inner, *_models(inner)]
    return found


def _kind(field: FieldInfo) -> str:
    """What is written there: a duration, a rate, one of some words, …"""
    for note in [*field.metadata, *_notes(field.annotation)]:
        if isinstance(note, WithJsonSchema) and note.json_schema:
            return str(note.json_schema.get("description", ""))
    annotation = plain(field.annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return " | ".join(str(word) for word in typing.get_args(annotation))
    if annotation is Distribution:
        return "a duration or a distribution"
    names = {str: "a name", bool: "true or false", int: "a whole number", float: "a number"}
    if annotation in names:
        return names[annotation]
    if annotation is None or annotation is type(None):
        return "no value"
    origin = typing.get_origin(annotation)
    return {list: "a list", dict: "a mapping", tuple: "a list"}.get(origin, "steps")


def _notes(annotation: Any) -> list[Any]:
    """The notes of the options of a union, in order."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [note for option in typing.get_args(annotation) for note in _notes(option)]
    if typing.get_origin(annotation) is typing.Annotated:
        return list(typing.get_args(annotation)[1:])
    return []


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        unit = next((unit for what, unit in _UNITS.items() if _kind(field).startswith(what)), "")
        return f"{value:g}{unit if value else ''}"
    if isinstance(value, tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return str(value)
