"""The points of a sweep: one for each combination of the values of its parameters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

MOST_OF_A_NAME = 200
"""Characters of the name of a point."""

ALONE = "run"
"""Name of the only point of a sweep that sweeps over nothing."""

NONE = "none"
"""Label of an empty list, such as no intervention."""


@dataclass(frozen=True)
class Point:
    """One run of a sweep."""

    name: str
    """Of its folder."""
    values: Mapping[str, str]
    """Value of each swept parameter, as a label: lists as a+b, none where they are empty."""


def point_of(overrides: Sequence[str], fixed: Collection[str]) -> Point:
    """Return the point that a job's overrides make.

    Parameters
    ----------
    overrides
        All of the job's, key=value.
    fixed
        Keys that have the same value in all jobs.
    """
    values, parts, given = {}, [], None
    for text in overrides:
        key, _, value = text.lstrip("+~").partition("=")
        if key == "name" and value not in ("", "null"):
            given = label_of(value)
        if key not in fixed:
            parameter = key.replace("/", ".")
            values[parameter] = label_of(value)
            short = ".".join(parameter.split(".")[-2:])
            named = value.strip("[]{}'\" ") or (NONE if value else "")
            parts.append(re.sub(r"[^\w.=+@-]+", "-", "=".join(filter(None, (short, named)))))
    own = shortened(",".join(parts))
    if given is None:
        return Point(own or ALONE, values)
    return Point(",".join(filter(None, (given, own))) if "name" in fixed else given, values)


def shortened(name: str) -> str:
    """A name of a folder: of a longer one its beginning, with a mark of the whole."""
    if len(name) > MOST_OF_A_NAME:
        name = f"{name[: MOST_OF_A_NAME - 9]}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    return name.rstrip(".,=+@-")


def label_of(value: str) -> str:
    """Write the value of an override as a label: '[a,b]' as a+b, '[]' as none, text without its quotes."""
    if value.startswith("[") and value.endswith("]"):
        return "+".join(part.strip(" '\"") for part in value[1:-1].split(",") if part.strip()) or NONE
    return value.strip("'\"")


def override_of(change: str) -> str:
    """Write the label of a set of interventions as the override that switches it on."""
    return f"intervention=[{'' if change == NONE else change.replace('+', ',')}]"
