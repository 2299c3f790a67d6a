"""What two configurations differ in, key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST = 5
"""Differences that are named; of more only the number is said."""


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Each key in which two configurations differ, with its values in both, in words."""
    one, other = (dict(_leaves(json.loads(json.dumps(config, default=str)))) for config in (a, b))
    keys = dict.fromkeys([*one, *other])
    return {
        key: (_shown(one.get(key)), _shown(other.get(key)))
        for key in keys
        if not _is_same(one.get(key), other.get(key))
    }


def as_changes(differences: Mapping[str, tuple[str, str]]) -> list[str]:
    """Each difference as a change of the first into the second."""
    return [f"{key} ({one} → {other})" for key, (one, other) in differences.items()]


def in_words(differences: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(differences) - MOST
    return "; ".join([*differences[:MOST], *([f"and {more} more"] if more > 0 else [])])


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same, but for spaces: `0s` is `0 s`."""
    if isinstance(one, str) and isinstance(other, str):
        return "".join(one.split()) == "".join(other.split())
    return bool(one == other)


def _shown(value: Any) -> str:
    text = "not there" if value is None else str(value) or "''"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _leaves(config: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a configuration by its key; a list of plain values is one."""
    if isinstance(config, dict) and config:
        for name, below in config.items():
            yield from _leaves(below, f"{key}.{name}" if key else str(name))
    elif isinstance(config, list) and any(isinstance(one, dict | list) for one in config):
        for number, below in enumerate(config):
            yield from _leaves(below, f"{key}.{number}")
    else:
        yield key, config
