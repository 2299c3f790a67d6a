"""Key paths: which word of the language stands at a path of a user's mapping.

A path is what the user wrote, split at the dots: `platform.services.a.endpoints.get.steps.1.timeout`.
The mapping is followed together with the models, because only the mapping says which verb a step has
and which form of a shorthand (`time: 5 ms` or `time: {lognormal: …}`) was used.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ForwardRef

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

from sfmodel.schema import steps as steps_module
from sfmodel.schema.run import Run
from sfmodel.schema.steps import BY_VERB, VERBS, Step


@dataclass(frozen=True)
class Place:
    """One place in the mapping: the type that belongs there and, in a model, the field it fills."""

    annotation: Any
    """Type as declared, with its validators."""
    written: Any
    """What the user wrote there; None where nothing was written."""
    field: FieldInfo | None = None
    """Field of the model above; None for entries of mappings and lists."""

    @property
    def model(self) -> Any:
        """The type without Optional, Annotated and aliases, chosen by what was written."""
        return plain(self.annotation, self.written)


def split(key: str) -> list[str]:
    """Return the parts of a dotted key."""
    return [part for part in key.split(".") if part]


def place_at(parts: Sequence[Any], mapping: Any, root: Any = Run) -> Place | None:
    """Return the place at a path, None where the language has no such key."""
    place: Place | None = Place(root, mapping)
    for part in parts:
        if place is None:
            return None
        place = _below(place, part)
    return place


def names_at(parts: Sequence[Any], mapping: Any, root: Any = Run) -> list[str]:
    """Return the keys that are valid right below a path: field names, or the names the user gave."""
    place = place_at(parts, mapping, root)
    if place is None:
        return []
    model = place.model
    if typing.get_origin(model) is list and isinstance(place.written, Mapping):
        model = plain(typing.get_args(model)[0], place.written)
    if is_model(model):
        fields = [field.alias or name for name, field in model.model_fields.items()]
        others = place.written if _is_open(model) and isinstance(place.written, Mapping) else {}
        return [*fields, *(str(key) for key in others if key not in fields)]
    if isinstance(place.written, Mapping):
        return [str(key) for key in place.written]
    if isinstance(place.written, list | tuple):
        return [str(index) for index in range(len(place.written))]
    return []


def is_model(annotation: Any) -> bool:
    """Tell whether a type is a word of the language, with keys of its own."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_open(model: type[BaseModel]) -> bool:
    """Tell whether a word takes keys of the user's own, as the parameters of an intervention."""
    return model.model_config.get("extra") == "allow"


def written_below(written: Any, part: Any) -> Any:
    """Return what stands under one part of a path; a part may be an int, or its digits."""
    if isinstance(written, Mapping):
        return next((written[key] for key in written if str(key) == str(part)), None)
    if isinstance(written, list | tuple) and str(part).isdigit() and int(part) < len(written):
        return written[int(part)]
    return None


def plain(annotation: Any, written: Any = None) -> Any:
    """Return a type without Optional, Annotated and aliases; of a union, the option that fits what was written."""
    while True:
        if annotation is Step:
            return _step_model(written)
        if isinstance(annotation, TypeAliasType):
            annotation = annotation.__value__
        elif isinstance(annotation, str | ForwardRef):
            name = annotation if isinstance(annotation, str) else annotation.__forward_arg__
            annotation = getattr(steps_module, name)
        elif typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
            annotation = _option(typing.get_args(annotation), written)
        else:
            return annotation


def _option(options: Iterable[Any], written: Any) -> Any:
    """Of the options of a union, the model that shares most keys with what was written, else the first."""
    real = [option for option in options if option is not type(None)]
    models = [option for option in real if is_model(option)]
    if models and isinstance(written, Mapping):
        return max(models, key=lambda model: len(set(model.model_fields) & {str(key) for key in written}))
    return real[0]


def _step_model(written: Any) -> Any:
    if isinstance(written, str):
        return BY_VERB.get(written)
    if isinstance(written, Mapping):
        return next((BY_VERB[verb] for verb in VERBS if verb in written), None)
    return None


def _below(place: Place, part: Any) -> Place | None:
    model = place.model
    written = written_below(place.written, part)
    if is_model(model):
        for name, field in model.model_fields.items():
            if str(part) == (field.alias or name):
                return Place(_declared(field), written, field)
        return Place(Any, written) if _is_open(model) and written is not None else None
    origin = typing.get_origin(model)
    if origin is list and not isinstance(place.written, list | tuple):
        return _below_shorthand(place, part)
    if origin in (dict, list, tuple):
        arguments = [argument for argument in typing.get_args(model) if argument is not Ellipsis]
        return Place(arguments[-1], written) if arguments else None
    return None


def _below_shorthand(place: Place, part: Any) -> Place | None:
    """One step written without its list: the index may be left out."""
    one = Place(typing.get_args(place.model)[0], place.written)
    return one if str(part) == "0" else _below(one, part)


def _declared(field: FieldInfo) -> Any:
    """The field's type with its validators and bounds."""
    if not field.metadata:
        return field.annotation
    return typing.Annotated[(field.annotation, *field.metadata)]
