"""Sets of interventions that a command compares: `--changes none,llm_timeout,llm_timeout+breakers`."""

from __future__ import annotations

from sfmodel.errors import ConfigError, nearest
from sfmodel.sweeps.points import MOST_OF_A_NAME, NONE


def to_changes(asked: str) -> list[str]:
    """Sets of interventions, each once: `b+a` is the set `a+b` again, and named as it comes first.

    Raises
    ------
    ConfigError
        There is none; there is no such intervention; what is named is no set; its name is too long for a folder's.
    """
    from sfmodel.cli.compose import options

    valid = options("intervention")
    found: dict[frozenset[str], str] = {}
    for change in filter(None, (part.strip() for part in asked.split(","))):
        names = change.split("+")
        for name in names:
            if name not in (*valid, NONE):
                raise ConfigError(f"--changes: there is no intervention '{name}'; {nearest(name, valid)}")
        if len(set(names)) < len(names) or (NONE in names and len(names) > 1):
            raise ConfigError(f"--changes: '{change}' is no set; name each intervention once, and {NONE} alone")
        if len(change) > MOST_OF_A_NAME:
            raise ConfigError(f"--changes: '{change[:60]}…' is too long for the name of a folder; put fewer into a set")
        found.setdefault(frozenset(names), change)
    if not found:
        raise ConfigError(f"--changes: name at least one; {NONE} is the platform as it is")
    return list(found.values())
