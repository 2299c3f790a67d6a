"""What is written of a sweep before its first run: its points, so that what is missing is known, and what they are made of.

A sweep goes on only with the very same configuration, code and data: its dataset is of one thing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from glob import escape
from pathlib import Path
from typing import Any

from sfmodel.errors import ConfigError, RunError, RunNotFoundError, nearest
from sfmodel.provenance import PROVENANCE, provenance
from sfmodel.results.disk import disk_errors
from sfmodel.results.folder import RUNS, is_finished
from sfmodel.sweeps.points import Point

RECORD = "sweep.json"
MOST_DIFFERENCES = 5
"""That a message names."""


@dataclass(frozen=True)
class Sweep:
    """A sweep as it was asked for."""

    words: Sequence[str]
    """Of the command line, behind `run -m`."""
    fixed: Sequence[str]
    """Overrides that all points have."""
    points: Sequence[Point]
    """In the order in which they run."""
    first: Sequence[str]
    """Overrides of the first point."""
    config: Mapping[str, Any]
    """Composed configuration of the first point."""
    made_of: Mapping[str, Any]
    """Code and data, as `provenance` says."""

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Every label of each swept parameter, in the order of the points."""
        values: dict[str, dict[str, None]] = {}
        for point in self.points:
            for key, label in point.values.items():
                values.setdefault(key, {})[label] = None
        return {key: list(labels) for key, labels in values.items()}

    def write(self, folder: Path) -> None:
        """Write it into the folder of the sweep, whole or not at all."""
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f".{RECORD}.{os.getpid()}"
            part.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False, default=str), encoding="utf-8")
            part.replace(folder / RECORD)


def read_sweep(folder: Path) -> Sweep | None:
    """Read what was recorded of the sweep in a folder; none: nothing was.

    Raises
    ------
    RunError
        It is damaged.
    """
    path = folder / RECORD
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Sweep(**{**found, "points": [Point(**point) for point in found["points"]]})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise RunError(
            f"{path} cannot be read, so nothing says which points the sweep has; start it again in another folder"
        ) from None


def recorded_sweep(folder: Path) -> Sweep:
    """Read what was recorded of the sweep in a folder that `find_sweep` has found.

    Raises
    ------
    RunError
        It is damaged, or has gone meanwhile.
    """
    sweep = read_sweep(folder)
    if sweep is None:
        raise RunError(f"{folder / RECORD} is not there any more, so nothing says which points the sweep has")
    return sweep


def finished_run(folder: Path, name: str, sweep: Sweep) -> Path | None:
    """Return the folder of the finished run of a point, None where there is none.

    It has a number behind its name where another machine made it again: there nobody knew that who wrote it first was dead.
    """
    others = {point.name for point in sweep.points}
    again = (path for path in sorted(folder.glob(f"{escape(name)}-*")) if path.name not in others)
    numbered = (path for path in again if path.name.removeprefix(f"{name}-").isdigit())
    return next((path for path in (folder / name, *numbered) if is_finished(path)), None)


def find_sweep(text: str | Path, root: Path = RUNS) -> Path:
    """Find the folder of a sweep by path, by name under the root, or as `latest`.

    Raises
    ------
    RunNotFoundError
        There is none; the message has the nearest name.
    """
    recorded = sorted(root.glob(f"*/{RECORD}"), key=lambda path: path.stat().st_mtime_ns)
    if str(text) == "latest" and recorded:
        return recorded[-1].parent
    for folder in (Path(text), root / str(text)):
        if (folder / RECORD).exists():
            return folder
    names = [path.parent.name for path in recorded]
    what = "there is no sweep" if str(text) == "latest" else f"there is no sweep '{text}'"
    raise RunNotFoundError(f"{what} here or in {root}; {nearest(str(text), names)}")


def check_same(before: Sweep, now: Sweep, before_config_now: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with a sweep in another configuration, or with other code or data.

    Parameters
    ----------
    before
        What is recorded.
    now
        What was asked for.
    before_config_now
        What the first point of the recorded one is composed to now.
    folder
        That of the sweep.

    Raises
    ------
    ConfigError
        With the difference.
    """
    lost = [point.name for point in before.points if point not in now.points]
    asked = [*_of_words(before.fixed, now.fixed), *(f"{name} is no point of it any more" for name in lost)]
    changed = differences(before.config, before.made_of, before_config_now, provenance(before.config))
    if asked or changed:
        shown = in_words([*asked, *changed])
        as_it_was = "" if changed else f", or go on with it as it was, sfmodel run resume={folder}"
        raise ConfigError(
            f"{folder} holds a sweep of another configuration, which this would mix with: {shown}; "
            f"start a sweep in another folder{as_it_was}"
        )


def differences(
    before: Mapping[str, Any], before_made_of: Mapping[str, Any], now: Mapping[str, Any], made_of: Mapping[str, Any]
) -> list[str]:
    """How a configuration, and the code and data that a run was made of, differ from those of now."""
    other = (f"other {what}" for key, what in PROVENANCE.items() if before_made_of.get(key) != made_of[key])
    return [*_of_config(before, now), *other]


def in_words(differences: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(differences) - MOST_DIFFERENCES
    return "; ".join([*differences[:MOST_DIFFERENCES], *([f"and {more} more"] if more > 0 else [])])


def _of_words(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    gone, new = ([text for text in one if text not in other] for one, other in ((before, now), (now, before)))
    if gone:
        yield f"then with {' '.join(gone)}"
    if new:
        yield f"now with {' '.join(new)}"


def _of_config(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    then, here = (dict(_leaves(json.loads(json.dumps(one, default=str)))) for one in (before, now))
    for key in dict.fromkeys([*then, *here]):
        if then.get(key) != here.get(key):
            yield f"{key} was {_shown(then.get(key))}, is {_shown(here.get(key))}"


def _shown(value: Any) -> str:
    text = "not there" if value is None else str(value)
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
