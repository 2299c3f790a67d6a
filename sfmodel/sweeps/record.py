"""What is written of a sweep before its first run: its points, so that what is missing is known, and what they are made of.

A sweep goes on only with the very same configuration, code and data: its dataset is of one thing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sfmodel.errors import ConfigError, RunError, RunNotFoundError, nearest
from sfmodel.provenance import PROVENANCE, provenance
from sfmodel.results.configurations import differing, in_words
from sfmodel.results.disk import disk_errors, write_whole
from sfmodel.results.folder import MANIFEST, RUNS, SWEEP, is_finished
from sfmodel.rows.files import named_files
from sfmodel.sweeps.points import Point

RECORD = SWEEP
_MADE_OF = {**PROVENANCE, "aims": "aims"}
"""What a sweep was made of, and what several of each are called."""


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
    """Code, data and aims, as `made_of` says."""
    with_files: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint of the first point with each file in turn that a swept group names, by its override."""

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
            write_whole(folder / RECORD, json.dumps(asdict(self), indent=1, ensure_ascii=False, default=str))


def made_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the runs of a configuration depend on besides it: as `provenance` says, and `aims`, the hash of its aims."""
    platform = config.get("platform") or {}
    path = named_files("aims").get(str(platform.get("name")))
    return {**provenance(config), "aims": _hash(path.read_bytes()) if path is not None else None}


def fingerprint(config: Mapping[str, Any]) -> str:
    """Return a hash of a configuration, the data that it names, and its aims."""
    made = {key: value for key, value in made_of(config).items() if key in ("files", "aims")}
    return _hash(json.dumps([config, made], sort_keys=True, default=str).encode())


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


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


_NUMBER = re.compile(r"-\d+$")


def finished_runs_of(sweep: Sweep, folder: Path) -> dict[str, Path | None]:
    """Return the folder of the finished run of each point, by the point's name; None where there is none.

    A run has a number behind its name where there was one already that is not what the point is now, or where another machine
    made it again that did not know that the first was dead. So the newest counts.
    """
    found: dict[str, list[Path]] = {point.name: [] for point in sweep.points}
    for entry in os.listdir(folder):
        name = entry if entry in found else _NUMBER.sub("", entry)
        if name in found and is_finished(folder / entry):
            found[name].append(folder / entry)
    return {name: max(runs, key=_finished_ns, default=None) for name, runs in found.items()}


def _finished_ns(run: Path) -> int:
    return (run / MANIFEST).stat().st_mtime_ns


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
    candidates = (Path(text), root / str(text))
    for folder in candidates:
        if (folder / RECORD).exists():
            return folder
    for folder in candidates:
        if folder.is_dir() and any(is_finished(run) for run in folder.iterdir()):
            raise RunNotFoundError(
                f"{folder} has runs, but they are no sweep, made by 'sfmodel run -m'; 'sfmodel compare' takes two of them, such "
                "as of a decision, 'sfmodel report' one"
            )
    names = [path.parent.name for path in recorded]
    what = "there is no sweep" if str(text) == "latest" else f"there is no sweep '{text}'"
    raise RunNotFoundError(f"{what} here or in {root}; {nearest(str(text), names)}")


def check_same(
    before: Sweep, now: Sweep, config_now: Mapping[str, Any], with_files_now: Mapping[str, str], folder: Path
) -> None:
    """Refuse to go on with a sweep in another configuration, or with other code or data.

    Parameters
    ----------
    before
        What is recorded.
    now
        What was asked for.
    config_now
        What the first point of the recorded one is composed to now.
    with_files_now
        Fingerprints of that point with each of its swept files, as they are now.
    folder
        That of the sweep.

    Raises
    ------
    ConfigError
        With the difference.
    """
    lost = [point.name for point in before.points if point not in now.points]
    asked = [*_of_words(before.fixed, now.fixed), *(f"{name} is no point of it any more" for name in lost)]
    changed = differences(before.config, before.made_of, config_now, made_of(before.config))
    if not changed:  # else each of these differs too
        files = before.with_files.items()
        changed = [f"{text} is not what it was" for text, then in files if with_files_now.get(text, then) != then]
    if asked or changed:
        shown = in_words([*asked, *changed])
        as_it_was = "" if changed else f", or go on with it as it was, sfmodel run resume={folder}"
        raise ConfigError(
            f"{folder} holds a sweep of another configuration, which this would mix with: {shown}; "
            f"start a sweep in another folder{as_it_was}"
        )


def differences(
    before: Mapping[str, Any], before_made_of: Mapping[str, Any], now: Mapping[str, Any], now_made_of: Mapping[str, Any]
) -> list[str]:
    """How a configuration, and the code and data that a run was made of, differ from those of now."""
    known = ((key, what) for key, what in _MADE_OF.items() if key in now_made_of)
    other = (f"other {what}" for key, what in known if before_made_of.get(key) != now_made_of[key])
    changed = (f"{key} was {then}, is {here}" for key, (then, here) in differing(before, now).items())
    return [*changed, *other]


def _of_words(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    gone, new = ([text for text in one if text not in other] for one, other in ((before, now), (now, before)))
    if gone:
        yield f"then with {' '.join(text.lstrip('+') for text in gone)}"
    if new:
        yield f"now with {' '.join(text.lstrip('+') for text in new)}"
