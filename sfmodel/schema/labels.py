"""Steps by label: `steps.model.time` means the step with `label: model`, wherever it stands below `steps`.

A number counts the steps of a list, and shifts when one is inserted before it; a label does not. Labels are turned into
numbers before anything else looks at a key.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ForwardRef

from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.keys import Place, is_model, place_at, split
from sfmodel.schema.steps import VERBS, Step

Parts = tuple[str, ...]

Now = Callable[[list[Any], int], int]
"""Takes a list of steps and the number of one as a file has them; returns its number in the list as it is now."""

_STEP = (Step, "Step", ForwardRef("Step"))

BLOCKS = ("do", "on_hit", "on_miss", "on_stale")
"""Keys of a step, beside its handlers of failures, that hold steps."""


def parts_of(key: str, mapping: Any, now: Now | None = None) -> list[str]:
    """Return the parts of a key of an event or intervention, from the root of the configuration, labels as numbers.

    Parameters
    ----------
    key
        As it is written.
    mapping
        The configuration.
    now
        What the numbers that are written in the key mean; none: numbers in the lists as they are.

    Raises
    ------
    ConfigError
        A label that no step has, or several have; a constant.
    """
    parts = split(key)
    parts = parts if parts[:1] in (["demand"], ["platform"]) else ["platform", *parts]
    if parts[1:2] == ["constants"]:
        raise ConfigError("constants are put in place before anything else; name the keys in which they are used")
    return with_numbers(parts, mapping, now)


def with_numbers(parts: Sequence[str], mapping: Any, now: Now | None = None) -> list[str]:
    """Return a path with each label replaced by the numbers and keys that lead to its step, and numbers as `now` has them.

    Raises
    ------
    ConfigError
        A label that no step has, or several have.
    """
    result: list[str] = []
    for part in parts:
        place = place_at(result, mapping)
        steps = place if place is not None and is_steps(place) and place.written is not None else None
        if steps is not None and not part.isdigit() and not _is_key(steps, part):
            result += _labelled(steps.written, part, ".".join(result))
        elif steps is not None and part.isdigit() and now is not None and isinstance(steps.written, list):
            result.append(str(now(steps.written, int(part))))
        else:
            result.append(part)
    return result


def is_steps(place: Place) -> bool:
    """Tell whether a list of steps belongs at a place."""
    model = place.model
    return typing.get_origin(model) is list and typing.get_args(model)[0] in _STEP


def is_step(place: Place) -> bool:
    """Tell whether a step of a list belongs at a place."""
    return place.annotation in _STEP


def blocks_in(step: Any) -> Iterator[tuple[Parts, Any]]:
    """Yield (path below the step, steps) of each list of steps, or single step, written within a step."""
    if not isinstance(step, Mapping):
        return
    for key, inner in step.items():
        if key in BLOCKS or str(key).startswith("on_"):
            yield (str(key),), inner
        elif key == "fork" and isinstance(inner, list):
            yield from ((("fork", str(index)), branch) for index, branch in enumerate(inner))
        elif key == "choose" and isinstance(inner, list):
            yield from ((("choose", str(k), "do"), b["do"]) for k, b in enumerate(inner) if _has_steps(b))


def _has_steps(branch: Any) -> bool:
    return isinstance(branch, Mapping) and "do" in branch


def steps_in(steps: Any) -> Iterator[tuple[Parts, Any]]:
    """Yield (path, step) of each written step, steps within steps included; one step without a list has no number."""
    listed = enumerate(steps) if isinstance(steps, list) else [("", steps)]
    for index, step in listed:
        here = (str(index),) if isinstance(steps, list) else ()
        yield here, step
        for sub, inner in blocks_in(step):
            for below, found in steps_in(inner):
                yield (*here, *sub, *below), found


def _is_key(steps: Place, part: str) -> bool:
    """Tell whether a part is a key of one step that was written without a list."""
    one = Place(Step, steps.written).model
    return is_model(one) and any(part in (name, field.alias) for name, field in one.model_fields.items())


def _labelled(steps: Any, label: str, inside: str) -> Parts:
    labelled = [(parts, str(step["label"])) for parts, step in steps_in(steps) if _label_of(step) is not None]
    found = [parts for parts, name in labelled if name == label]
    if len(found) == 1:
        return found[0]
    if found:
        where = " and ".join(f"{inside}.{'.'.join(parts)}" for parts in found)
        raise ConfigError(f"several steps have the label '{label}': {where}; use one of these keys")
    if not labelled:
        raise ConfigError(f"there is no step '{label}' in {inside}: none has a label; give it one, or use its number")
    raise ConfigError(f"there is no step '{label}' in {inside}; {nearest(label, [name for _, name in labelled])}")


def _label_of(step: Any) -> Any:
    return step.get("label") if isinstance(step, Mapping) and any(verb in step for verb in VERBS) else None
