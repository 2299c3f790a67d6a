"""Interventions applied: the mapping a user wrote, with the changes of each intervention made in order."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.base import Word
from sfmodel.schema.interventions import ORIGINAL, PLACES, Intervention
from sfmodel.schema.keys import is_model, names_at, place_at, written_below
from sfmodel.schema.labels import blocks_in, is_step, is_steps, parts_of, steps_in
from sfmodel.schema.mistakes import sentences
from sfmodel.schema.writing import put


class _Interventions(Word):
    """The part of a configuration that is looked at here."""

    intervention: dict[str, Intervention]


def with_changes(written: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with all changes made, and none left to make.

    Parameters
    ----------
    written
        The configuration as the user wrote it; left as it is.

    Raises
    ------
    ConfigError
        Something that is no intervention; a change of a key or a step that is not there.
    """
    section = written.get("intervention")
    if not section:
        return written
    _check(section)
    mapping = copy.deepcopy(written)
    numbers = _Numbers()
    for name, intervention in mapping["intervention"].items():
        labels = _Labels(name)
        for number, change in enumerate(intervention["changes"]):
            try:
                _make(mapping, change, labels, numbers)
            except ConfigError as error:
                raise ConfigError(f"intervention.{name}.changes.{number}: {error}") from None
        intervention["changes"] = []
    return mapping


def _check(section: Any) -> None:
    if isinstance(section, Mapping) and isinstance(section.get("changes"), list):
        raise ConfigError(
            "intervention.changes: begin the file with '# @package intervention.NAME', with its own name for NAME, "
            "so that several can be on at once"
        )
    for name, intervention in section.items() if isinstance(section, Mapping) else ():
        if isinstance(intervention, Mapping) and "changes" not in intervention:
            raise ConfigError(
                f"intervention.{name}: this intervention is not switched on, or its file has no 'changes'; "
                f"switch it on with intervention=[{name}]"
            )
    try:
        _Interventions.model_validate({"intervention": section})
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, {"intervention": section}))) from None


def _make(mapping: dict[str, Any], change: Mapping[str, Any], labels: _Labels, numbers: _Numbers) -> None:
    if change.get("set") is not None:
        for key, value in (
            (key, value) for pattern, value in change["set"].items() for key in _meant(pattern, mapping)
        ):
            parts = parts_of(key, mapping, numbers.now)
            _check_key(mapping, key, parts)
            place = place_at(parts, mapping)
            new = copy.deepcopy(value)
            is_script = place is not None and is_steps(place) and new is not None
            put(mapping, parts, labels.given(new) if is_script else new)
        return
    kind = next(kind for kind in PLACES if change.get(kind) is not None)
    for key in list(_meant(change[kind], mapping)):
        steps, index = _step_at(mapping, key, numbers)
        inserted = labels.given(copy.deepcopy(change["do"]))
        if kind == "replace":
            inserted = _with_original(inserted, steps[index])
            first, end = index, index + 1
        else:
            first = end = index + (kind == "after")
        numbers.changed(steps, first, end, len(inserted), labels.name)
        steps[first:end] = inserted


# Keys


def _meant(key: Any, mapping: dict[str, Any]) -> Iterator[str]:
    """The keys that a key means: with `*` for a name, one for each name under which the labels behind it are found."""
    before, star, after = str(key).partition(".*.")
    if not star:
        yield str(key)
        return
    place, found, refusal = place_at(parts_of(before, mapping), mapping), False, None
    for name in place.written if place is not None and isinstance(place.written, Mapping) else ():
        one = f"{before}.{name}.{after}"
        try:
            for meant in _meant(one, mapping):
                parts_of(meant, mapping)
                found = True
                yield meant
        except ConfigError as error:
            refusal = error
    if not found:
        raise refusal or ConfigError(f"'{key}': there is nothing in {before} for which the * could stand")


def _check_key(mapping: dict[str, Any], key: str, parts: list[str]) -> None:
    """Refuse a key that the language does not have, and a name on the way that nothing has."""
    for length in range(1, len(parts) + 1):
        above = place_at(parts[: length - 1], mapping)
        place = place_at(parts[:length], mapping)
        valid = names_at(parts[: length - 1], mapping)
        named = above is not None and not is_model(above.model)
        new = place is not None and named and place.written is None
        if place is None or (new and (length < len(parts) or isinstance(above and above.written, list))):
            inside = ".".join(parts[: length - 1])
            raise ConfigError(
                f"'{key}': there is no '{parts[length - 1]}' in {inside}; {nearest(parts[length - 1], valid)}"
            )


def _step_at(mapping: dict[str, Any], key: str, numbers: _Numbers) -> tuple[list[Any], int]:
    """Return the list in which a step stands, and its place there; one step without a list gets a list."""
    parts = parts_of(key, mapping, numbers.now)
    _check_key(mapping, key, parts)
    place, above = place_at(parts, mapping), _written_at(mapping, parts[:-1])
    assert place is not None
    if is_step(place) and isinstance(above, list):
        return above, int(parts[-1])
    if is_steps(place) and isinstance(place.written, Mapping | str):
        steps = [place.written]
        put(mapping, parts, steps)
        return steps, 0
    raise ConfigError(f"'{key}' is no step; expected a key that ends with a step's label or number")


def _written_at(mapping: Any, parts: list[str]) -> Any:
    for part in parts:
        mapping = written_below(mapping, part)
    return mapping


# Steps


def _with_original(steps: Any, original: Any) -> Any:
    """The steps with the word `original` replaced by the step that was there."""
    if steps == ORIGINAL:
        return copy.deepcopy(original)
    if isinstance(steps, list):
        return [_with_original(step, original) for step in steps]
    for parts, inner in list(blocks_in(steps)):
        put(steps, parts, _with_original(inner, original))
    return steps


class _Numbers:
    """Where steps stand now that were written under a number, so that the order of interventions does not matter."""

    def __init__(self) -> None:
        self._origins: dict[int, list[int | None]] = {}
        self._lists: list[list[Any]] = []
        self._replaced: dict[tuple[int, int], str] = {}

    def changed(self, steps: list[Any], first: int, end: int, count: int, name: str) -> None:
        """Note that an intervention is about to put so many steps in place of those from `first` to before `end`."""
        if id(steps) not in self._origins:
            self._origins[id(steps)] = list(range(len(steps)))
            self._lists.append(steps)  # kept, so that no other list gets its identity
        origins = self._origins[id(steps)]
        self._replaced |= {(id(steps), number): name for number in origins[first:end] if number is not None}
        origins[first:end] = [None] * count

    def now(self, steps: list[Any], number: int) -> int:
        """Place in a list of the step that was written under a number.

        Raises
        ------
        ConfigError
            Another intervention has replaced it.
        """
        origins = self._origins.get(id(steps))
        if origins is None:
            return number
        if number in origins:
            return origins.index(number)
        name = self._replaced.get((id(steps), number))
        if name is None:
            return len(steps)  # there never was such a step
        raise ConfigError(
            f"step {number} was replaced by intervention '{name}'; in intervention=[…] put it behind this one"
        )


class _Labels:
    """Labels for the steps of an intervention that have none: so they shift no draw of the platform's own steps."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def given(self, steps: Any) -> list[Any]:
        """Return the steps as a list, each mapping among them with a label."""
        listed = [] if steps == "continue" else steps if isinstance(steps, list) else [steps]
        for _, step in steps_in(listed):
            if isinstance(step, dict) and "label" not in step:
                self.count += 1
                step["label"] = f"{self.name}_{self.count}"
        return listed
