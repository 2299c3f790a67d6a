"""Sentences for the validator's complaints: key path, what was found, what was expected, the nearest valid name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sfmodel.errors import nearest
from sfmodel.schema.keys import names_at, written_below
from sfmodel.schema.run import Run
from sfmodel.schema.steps import BY_VERB

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "mapping_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "none_required": "no value",
    "string_type": "a name",
    "tuple_type": "a list",
}
_BOUND = {
    "greater_than": "a value above {gt}",
    "greater_than_equal": "a value of at least {ge}",
    "less_than": "a value below {lt}",
    "less_than_equal": "a value of at most {le}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
}


def sentences(error: ValidationError, mapping: Mapping[str, Any], root: Any = Run) -> list[str]:
    """Return one line per mistake in a mapping of a model, mistyped keys before what is missing because of them."""
    complaints = [_Complaint(entry, mapping, root) for entry in error.errors(include_url=False)]
    kept = [c for group in _by_place(complaints) for c in _one_option(group)]
    kept = [c for c in kept if c.kind != "too_short" or not any(_is_below(other, c) for other in kept)]
    kept.sort(key=lambda c: c.kind == "missing")
    unknown = {(tuple(c.path[:-1]), c.guess) for c in kept if c.kind == "extra_forbidden"}
    lines = [c.sentence() for c in kept if not (c.kind == "missing" and (tuple(c.path[:-1]), c.path[-1]) in unknown)]
    return list(dict.fromkeys(lines))


class _Complaint:
    """One entry of a ValidationError with the path as the user wrote it."""

    def __init__(self, entry: Any, mapping: Mapping[str, Any], root: Any) -> None:
        self.entry = entry
        self.kind: str = entry["type"]
        self.mapping = mapping
        self.root = root
        self.path, self.option = _as_written(entry["loc"], self.kind, mapping)

    @property
    def where(self) -> str:
        return ".".join(self.path)

    @property
    def written(self) -> Any:
        """The value as the user wrote it."""
        here: Any = self.mapping
        for part in self.path:
            here = written_below(here, part)
        return here

    @property
    def guess(self) -> str | None:
        """The key that an unknown one was probably meant to be."""
        hint = nearest(self.path[-1], names_at(self.path[:-1], self.mapping, self.root))
        return hint.split("'")[1] if hint.startswith("did you mean") else None

    def sentence(self) -> str:
        """Return the line that is shown."""
        return f"{self.where}: {self._text()}" if self.path else self._text()

    def _text(self) -> str:
        kind, context, found = self.kind, self.entry.get("ctx", {}), self.entry.get("input")
        if kind == "extra_forbidden":
            return f"unknown key '{self.path[-1]}'; {self._hint()}"
        if kind == "missing":
            return "this key is missing and has no default"
        if kind in ("value_error", "assertion_error"):
            return str(context.get("error", self.entry["msg"]))
        if kind == "literal_error":
            return f"unknown value {_short(found)}; {nearest(str(found), self.literals)}"
        if kind in _BOUND:
            numbers = {name: bound for name, bound in context.items() if isinstance(bound, int | float)}
            bounds = {name: f"{n:,}" if isinstance(n, int) else f"{n:,g}" for name, n in numbers.items()}
            return f"expected {_BOUND[kind].format(**bounds)}, found {_short(self.written)}"
        if kind in _EXPECTED:
            return f"expected {_EXPECTED[kind]}, found {_short(found)}"
        return f"{self.entry['msg'][0].lower()}{self.entry['msg'][1:]}, found {_short(found)}"

    def _hint(self) -> str:
        if len(self.path) == 2 and self.path[0] == self.path[1]:  # a file of a config group, written as if for all
            return f"begin the file with '# @package _global_', or leave out '{self.path[0]}:'"
        return nearest(self.path[-1], names_at(self.path[:-1], self.mapping, self.root))

    @property
    def literals(self) -> list[str]:
        """The words a literal allows."""
        expected = self.entry.get("ctx", {}).get("expected", "")
        return str(expected).replace("'", "").replace(" or ", ", ").split(", ")


class _NumberOrWord(_Complaint):
    """A value that may be a number or one of a few words, and is neither."""

    def __init__(self, word: _Complaint) -> None:
        super().__init__(word.entry, word.mapping, word.root)

    def _text(self) -> str:
        words, found = self.literals, self.entry.get("input")
        choice = " or ".join(f"'{word}'" for word in words)
        hint = nearest(str(found), words)
        return f"expected a number or {choice}, found {_short(found)}{'; ' + hint if 'mean' in hint else ''}"


def _is_below(complaint: _Complaint, other: _Complaint) -> bool:
    """Whether a complaint is about something within what another is about: what is wrong there was not counted."""
    return len(complaint.path) > len(other.path) and complaint.path[: len(other.path)] == other.path


def _by_place(complaints: Sequence[_Complaint]) -> list[list[_Complaint]]:
    """Group the complaints of all options of one union; any other complaint stands alone."""
    groups: dict[Any, list[_Complaint]] = {}
    for number, complaint in enumerate(complaints):
        key = ("union", complaint.option[0]) if complaint.option else ("alone", number)
        groups.setdefault(key, []).append(complaint)
    return list(groups.values())


def _one_option(group: list[_Complaint]) -> list[_Complaint]:
    """Of a union's options keep the one that was meant: the one with the fewest complaints."""
    options: dict[Any, list[_Complaint]] = {}
    for complaint in group:
        options.setdefault(complaint.option and complaint.option[1], []).append(complaint)
    if len(options) == 1:
        return group
    word = next((c for c in group if c.kind == "literal_error"), None)
    if word is not None and isinstance(word.entry.get("input"), str) and not _is_number(word.entry["input"]):
        return [_NumberOrWord(word)]
    numbers = [complaints for complaints in options.values() if complaints[0].kind != "literal_error"]
    return min(numbers or list(options.values()), key=len)


def _is_number(text: str) -> bool:
    return text.strip()[:1].isdigit() or text.strip()[:1] in "+-."


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _as_written(loc: tuple[Any, ...], kind: str, mapping: Any) -> tuple[list[str], tuple[Any, Any] | None]:
    """Return the keys the user wrote, and (place, option) where the last union on the way had options.

    The validator adds marks of its own to a location: the verb of a step, the options of a union,
    the index of a single step written without a list. They are recognised by what was written.
    """
    path: list[str] = []
    option = None
    here: Any = mapping
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if _is_verb_mark(loc, position, here) and not (last and kind == "value_error"):
            continue
        if _is_option(part, here):
            option = (tuple(path), part)
        elif _is_there(part, here):
            path.append(str(part))
            here = written_below(here, part)
        elif last and kind == "missing":
            path.append(str(part))
    return path, option


def _is_verb_mark(loc: tuple[Any, ...], position: int, here: Any) -> bool:
    """The verb behind the index of a step names the step's model, not a key."""
    part = loc[position]
    behind_index = position > 0 and isinstance(loc[position - 1], int)
    in_script = "services" in loc[:2] or loc[0] == "intervention"
    return in_script and behind_index and part in BY_VERB and isinstance(here, Mapping | str)


def _is_option(part: Any, here: Any) -> bool:
    if not isinstance(part, str) or (isinstance(here, Mapping) and part in here) or part == "[key]":
        return False
    return "[" in part or part[:1].isupper() or part in ("constrained-int", "int", "float", "str", "bool")


def _is_there(part: Any, here: Any) -> bool:
    if isinstance(here, Mapping):
        return any(str(key) == str(part) for key in here)
    return isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)
