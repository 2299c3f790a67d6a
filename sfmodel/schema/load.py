"""From a mapping (Hydra's composed config) to a validated Run, with errors that say what to do."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.run import Run
from sfmodel.schema.steps import BY_VERB


def parse_run(mapping: Mapping[str, Any]) -> Run:
    """Validate a composed configuration.

    Raises
    ------
    ConfigError
        One line per mistake: key path, what was found, what was expected, the nearest valid name.
    """
    try:
        return Run.model_validate(dict(mapping))
    except ValidationError as error:
        lines = [_sentence(e, mapping) for e in error.errors(include_url=False)]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None


def _sentence(error: Any, mapping: Mapping[str, Any]) -> str:
    where = ".".join(_path(error["loc"], mapping)) or "configuration"
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"{where}: unknown key '{error['loc'][-1]}'; {nearest(str(error['loc'][-1]), _siblings(error['loc'], mapping))}"
    if kind == "missing":
        return f"{where}: this key is missing and has no default"
    if kind in ("value_error", "assertion_error"):
        return f"{where}: {str(error['ctx']['error']) if 'ctx' in error else error['msg']}"
    if kind == "literal_error":
        expected = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"{where}: unknown value '{error['input']}'; {nearest(str(error['input']), expected)}"
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{where}: {message}, found {_short(error.get('input'))}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _path(loc: tuple[Any, ...], mapping: Any) -> list[str]:
    """The keys a user wrote: pydantic's own tags for unions and steps are left out."""
    path: list[str] = []
    here: Any = mapping
    for i, part in enumerate(loc):
        if isinstance(here, Mapping) and part in here:
            path.append(str(part))
            here = here[part]
        elif isinstance(part, int) and isinstance(here, list | tuple) and part < len(here):
            path.append(str(part))
            here = here[part]
        elif isinstance(part, int) and part == 0 and isinstance(here, Mapping | str):
            continue
        elif i == len(loc) - 1 and isinstance(here, Mapping) and isinstance(part, str) and not _is_tag(part):
            path.append(part)
    return path


def _is_tag(part: str) -> bool:
    return "[" in part or part in BY_VERB or part[:1].isupper()


def _siblings(loc: tuple[Any, ...], mapping: Any) -> list[str]:
    """Keys that would have been valid beside an unknown one."""
    verb = next((p for p in reversed(loc[:-1]) if p in BY_VERB), None)
    model: Any = Run
    for part in loc[:-1]:
        model = _descend(model, part)
        if model is None:
            break
    if model is None and verb is not None:
        model = BY_VERB[verb]
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _descend(model: Any, part: Any) -> Any:
    """The type of one part of a path, None where a union hides it."""
    if isinstance(part, str) and part in BY_VERB:
        return BY_VERB[part]
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                return _unwrapped(field.annotation)
        return None
    if typing.get_origin(model) in (dict, list):
        return _unwrapped(typing.get_args(model)[-1])
    return None


def _unwrapped(annotation: Any) -> Any:
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in (typing.Union, types.UnionType):
            options = [a for a in typing.get_args(annotation) if a is not type(None)]
            models = [o for o in options if typing.get_origin(o) or (isinstance(o, type) and issubclass(o, BaseModel))]
            if not models:
                return None
            annotation = models[0]
        else:
            return annotation
