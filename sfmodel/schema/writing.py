"""Write into the mapping that a user wrote, at a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sfmodel.schema.keys import written_below


def put(mapping: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Write a value at a path, in place; mappings on the way that were not written are made."""
    here: Any = mapping
    for part in parts[:-1]:
        below = written_below(here, part)
        if part == "0" and below is None and isinstance(here, Mapping):
            continue  # a single step written without its list
        if not isinstance(below, Mapping | list):
            below = {}
            _assign(here, part, below)
        here = below
    _assign(here, parts[-1], value)


def _assign(here: Any, part: str, value: Any) -> None:
    if isinstance(here, list):
        here[int(part)] = value
        return
    key = next((key for key in here if str(key) == part), part)
    here[key] = value
