"""Folders of runs: complete under their own name, or marked incomplete under another.

A run is written as `<name>.partial`, in which a file INCOMPLETE says why from the first moment on, so that even a
killed run explains itself. When everything is there a MANIFEST.json lists the files of the dataset with their sizes,
INCOMPLETE goes, and the folder is renamed in one step. A run that fails or is interrupted becomes `<name>.incomplete`.

    runs/<name>/  dataset.zarr  summary.json  sfmodel.log  .hydra/  figures/  traces.jsonl  requests.jsonl  errors.jsonl

A run of several replications has such a folder for each of them too, in `replications/`, under its seed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sfmodel.errors import ConfigError, RunError, RunNotFoundError, nearest
from sfmodel.results.disk import disk_errors

if TYPE_CHECKING:
    import xarray as xr

RUNS = Path("runs")
"""Where runs are kept unless told otherwise."""

DATASET = "dataset.zarr"
SUMMARY = "summary.json"
LOG = "sfmodel.log"
FIGURES = "figures"
INCOMPLETE = "INCOMPLETE"
MANIFEST = "MANIFEST.json"
SWEEP = "sweep.json"
"""Record of a sweep, beside the folders of its runs."""

_PARTIAL = ".partial"
_INCOMPLETE = ".incomplete"
_NAME = re.compile(r"\w[\w.,=+@-]*")
_OWNER = re.compile(r"^process (\d+) on (\S+)$", re.MULTILINE)


def default_name(platform: str, scenario: str | None = None, now: datetime | None = None) -> str:
    """Name a run after its platform, its scenario if it has one, and the time."""
    moment = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
    parts = [re.sub(r"[^\w.]+", "-", part).strip("-.") for part in (platform, scenario or "") if part]
    return "-".join([*filter(None, parts), moment])


class NameTakenError(ConfigError):
    """There is a run of this name, or one is being written."""


class RunFolder:
    """The folder of a run that is being written; use as a context manager.

    Leaving the block by an exception, or without `complete`, marks the run incomplete with the reason.

    Parameters
    ----------
    name
        Name of the run.
    root
        Folder of all runs, made if it is missing.

    Raises
    ------
    NameTakenError
        The name is taken.
    ConfigError
        It is no name for a folder.
    RunError
        The folder cannot be made.
    """

    def __init__(self, name: str, root: Path = RUNS) -> None:
        """Reserve the name, before anything runs."""
        _check_name(name)
        self.name, self.root = name, Path(root)
        self.final = self.root / name
        self.path = self.root / (name + _PARTIAL)
        if self.final.exists():
            raise NameTakenError(
                f"name: there is a run '{name}' in {self.root} already; "
                f"choose another, for example '{_free_name(self.root, name)}'"
            )
        self._completed = False
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            _clear_away_dead(self.path, name)
            _claim(self.path, name)

    @classmethod
    def unique(cls, name: str, root: Path = RUNS) -> RunFolder:
        """Open a folder under this name, or this name with the first free number: for names that nobody chose."""
        number, free = 1, name
        while True:
            try:
                return cls(free, root)
            except NameTakenError:
                number += 1
                free = f"{name}-{number}"

    @property
    def dataset(self) -> Path:
        """Where the dataset's Zarr store goes."""
        return self.path / DATASET

    def write(self, name: str, text: str) -> Path:
        """Write a text file, such as `.hydra/config.yaml`, and return its path.

        Raises
        ------
        RunError
            The disk is full or the folder cannot be written.
        """
        with disk_errors(self.path):
            return _write(self.path / name, text)

    def write_json(self, name: str, content: Any) -> Path:
        """Write a JSON file, such as summary.json, and return its path."""
        return self.write(name, json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")

    def write_hydra(self, config: str, overrides: str, hydra: str | None = None) -> None:
        """Write the composed configuration, its overrides and Hydra's own settings, as YAML, under `.hydra/`."""
        texts = {"config": config, "overrides": overrides, "hydra": hydra}
        for name, text in texts.items():
            if text is not None:
                self.write(f".hydra/{name}.yaml", text)

    def complete(self) -> Path:
        """Give the folder its final name, once everything is in it, and return the folder.

        Raises
        ------
        RunError
            The folder cannot be renamed; it stays, marked incomplete.
        """
        with disk_errors(self.path):
            _write(self.path / MANIFEST, json.dumps(_sizes(self.path / DATASET)))
            if self.final.exists():
                raise RunError(f"another run took the name '{self.name}' meanwhile; this one stays in {self.path}")
            (self.path / INCOMPLETE).unlink()
            self.path.rename(self.final)
        self._completed, self.path = True, self.final
        return self.final

    def abandon(self, reason: str) -> Path:
        """Mark the run incomplete, with a sentence why, under a name of its own; return that folder."""
        aside = _free(self.root, self.name + _INCOMPLETE)
        with contextlib.suppress(OSError):  # a full disk: the first INCOMPLETE still stands
            (self.path / INCOMPLETE).write_text(reason.rstrip().rstrip(".") + ".\n", encoding="utf-8")
        with disk_errors(self.path):
            self.path.rename(aside)
        self._completed, self.path = True, aside
        return aside

    def discard(self) -> None:
        """Remove the folder, in which there is nothing worth keeping."""
        self._completed = True
        with disk_errors(self.path):
            shutil.rmtree(self.path)

    def __enter__(self) -> RunFolder:
        """Return the folder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Mark the run incomplete unless it was completed."""
        if self._completed:
            return
        if isinstance(error, KeyboardInterrupt):
            reason = "The run was interrupted."
        elif error is not None:
            reason = f"The run failed: {error}"
        else:
            reason = "The run ended before its results were complete."
        with contextlib.suppress(RunError):
            self.abandon(reason)


def finished_runs(root: Path = RUNS) -> list[Path]:
    """Finished runs under a root, sweeps included, oldest first."""
    found = [*root.glob(f"*/{MANIFEST}"), *root.glob(f"*/*/{MANIFEST}")]
    complete = [path for path in found if not (path.parent / INCOMPLETE).exists()]
    return [path.parent for path in sorted(complete, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))]


def is_finished(folder: Path) -> bool:
    """Whether the run in a folder is complete."""
    return (folder / MANIFEST).exists() and not (folder / INCOMPLETE).exists()


def is_made_of(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the run in a folder is complete, whole, and has these attributes."""
    if not is_finished(folder):
        return False
    try:
        check_run(folder)
        attributes = _attributes(folder)
    except (RunError, OSError):  # it is damaged, or was taken by another process meanwhile
        return False
    return all(attributes.get(key) == value for key, value in json.loads(json.dumps(wanted, default=str)).items())


def unfinished_runs(root: Path = RUNS) -> list[Path]:
    """Folders under a root that runs were written to and that nobody writes to any more, oldest first."""
    found = [path for path in root.glob(f"*/{INCOMPLETE}") if not _writer(path)]
    return [path.parent for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))]


def find_run(text: str | Path, root: Path = RUNS) -> Path:
    """Find a run's folder by path, by name under the root, or as `latest`, the newest finished one, of a sweep or alone.

    Runs that a command made for itself, such as those of a decision, are no `latest`.

    Raises
    ------
    RunNotFoundError
        There is none; the message has the nearest name.
    """
    root = Path(root)
    if str(text) == "latest":
        finished = [run for run in finished_runs(root) if run.parent == root or (run.parent / SWEEP).exists()]
        if not finished:
            raise RunNotFoundError(f"there is no finished run in {root}; make one with 'sfmodel run'")
        return finished[-1]
    for folder in (Path(text), root / str(text), root / f"{text}{_INCOMPLETE}", root / f"{text}{_PARTIAL}"):
        if any((folder / mark).exists() for mark in (MANIFEST, DATASET, INCOMPLETE)):
            return folder
    if Path(text).name == DATASET and Path(text).is_dir():
        return Path(text).parent
    for folder in (Path(text), root / str(text)):
        if (folder / SWEEP).exists():
            one = next((run.name for run in finished_runs(folder)), None)
            which = f"name one of its runs, such as {folder / one}" if one else "none of its runs is finished"
            raise RunNotFoundError(
                f"{folder} is a sweep: {which}; 'sfmodel effects {text}' says what it shows as a whole"
            )
    names = [str(folder.relative_to(root)) for folder in finished_runs(root)]
    raise RunNotFoundError(f"there is no run '{text}' here or in {root}; {nearest(str(text), names)}")


def open_run(run: str | Path, root: Path = RUNS, *, allow_incomplete: bool = False) -> xr.Dataset:
    """Open the dataset of a run lazily: a variable is read when its values are asked for.

    Parameters
    ----------
    run
        Folder, name, or `latest`.
    root
        Folder of all runs.
    allow_incomplete
        Open what an interrupted run left, too.

    Raises
    ------
    RunNotFoundError
        There is no such run.
    RunError
        It is incomplete, truncated, or of another format.
    """
    folder = find_run(run, root)
    check_run(folder, allow_incomplete=allow_incomplete)
    from sfmodel.results.recorder import open_store

    return open_store(folder / DATASET)


def check_run(folder: Path, *, allow_incomplete: bool = False) -> None:
    """Refuse a run that is incomplete, lost files since it was finished, or is of another format; nothing is read.

    Raises
    ------
    RunError
        The message says which, and what to do.
    """
    if not allow_incomplete:
        _check_complete(folder)
    _check_format(folder, _attributes(folder))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name == "latest" or name.endswith((_PARTIAL, _INCOMPLETE)):
        raise ConfigError(
            f"name: expected letters, digits and . , = + @ - _ that do not end in {_PARTIAL} or {_INCOMPLETE} "
            f"and are not 'latest', found '{name}'"
        )


def _check_complete(folder: Path) -> None:
    """Refuse what is marked incomplete, and what lost files since it was finished."""
    mark = folder / INCOMPLETE
    if mark.exists():
        writer = _writer(mark)
        if writer:
            raise RunError(f"{folder} is being written by {writer}; wait for it, or run it again if that was killed")
        text = mark.read_text(encoding="utf-8")
        reason = (text.splitlines() or ["No reason was written down."])[0]
        reason = "The process that wrote it was killed." if _OWNER.search(text) else reason
        raise RunError(f"{folder} is incomplete: {reason} {_remedy(folder)}")
    if not (folder / MANIFEST).exists():
        raise RunError(f"{folder} has no {MANIFEST}: nothing says that it is complete. {_remedy(folder)}")
    expected = _manifest(folder)
    found = _sizes(folder / DATASET)
    lost = [name for name, size in expected.items() if found.get(name) != size]
    if lost:
        raise RunError(
            f"{folder} is truncated: {len(lost)} of {len(expected)} files of its dataset are missing or not as long as "
            f"they were, the first is {lost[0]}. Copy it again from where it was made, or run it again."
        )


def _remedy(folder: Path) -> str:
    """What to do with an incomplete run: its dataset can be read once it was finished, if only with some of the windows."""
    try:
        readable = "format" in _attributes(folder)
    except RunError:
        readable = False
    return "Run it again" + (
        f"; sfmodel.open('{folder}', allow_incomplete=True) reads what there is." if readable else "."
    )


def _manifest(folder: Path) -> dict[str, int]:
    """Sizes of the files that the run had when it was finished."""
    try:
        return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")).items())
    except (OSError, ValueError, AttributeError):
        raise RunError(
            f"{folder}/{MANIFEST} cannot be read: nothing says that the run is complete. "
            "Copy it again from where it was made, or run it again."
        ) from None


def _attributes(folder: Path) -> dict[str, Any]:
    try:
        described = json.loads((folder / DATASET / "zarr.json").read_text(encoding="utf-8"))
        return dict(described.get("attributes") or {})
    except (OSError, ValueError, AttributeError) as error:
        raise RunError(f"{folder} has no readable dataset ({error}); run it again") from error


def _check_format(folder: Path, attributes: Mapping[str, Any]) -> None:
    from sfmodel.results.recorder import FORMAT

    found = attributes.get("format")
    if found is None:
        raise RunError(f"{folder} has a dataset that was never finished: nothing in it can be read. Run it again.")
    if found != FORMAT:
        age = "an older" if isinstance(found, int) and found < FORMAT else "another"
        raise RunError(
            f"{folder} was written by {age} version of sfmodel (format {found}, this one reads {FORMAT}); "
            "run it again, or open it with the version it names in its attributes"
        )
    lost = [name for name in ("time", "width") if not (folder / DATASET / name).is_dir()]
    if lost or "window_s" not in attributes:
        raise RunError(
            f"{folder} has a dataset without '{(*lost, 'window_s')[0]}', which every run has: it was changed since. "
            "Copy it again from where it was made, or run it again."
        )


def _sizes(store: Path) -> dict[str, int]:
    """Size in bytes of every file of a store, by path."""
    sizes = {}
    for folder, _, names in os.walk(store):
        for name in names:
            path = Path(folder, name)
            sizes[str(path.relative_to(store))] = path.stat().st_size
    return dict(sorted(sizes.items()))


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _owner() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _clear_away_dead(partial: Path, name: str) -> None:
    """Set aside what a killed process left under the same name; refuse if the process is alive."""
    if not partial.exists():
        return
    replications = partial.glob(f"*/*/{INCOMPLETE}")  # their processes may outlive that of the whole for some seconds
    writer = next(filter(None, map(_writer, [partial / INCOMPLETE, *replications])), None)
    if writer:
        raise NameTakenError(f"name: '{name}' is being written by {writer}; choose another name, or wait for it")
    partial.rename(_free(partial.parent, name + _INCOMPLETE))


def _writer(mark: Path) -> str | None:
    """The process that is writing a run, as its mark names it; none: nobody is, or it has died."""
    owner = _OWNER.search(mark.read_text(encoding="utf-8") if mark.exists() else "")
    return owner[0] if owner and (owner[2] != socket.gethostname() or _alive(int(owner[1]))) else None


def _claim(partial: Path, name: str) -> None:
    """Make the folder with its mark in it, in one step: of two processes with the same name one gets it."""
    made = partial.with_name(f".{name}.{os.getpid()}")
    try:
        _write(made / INCOMPLETE, f"This run is being written, or was killed.\n{_owner()}\n")
        made.rename(partial)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise NameTakenError(f"name: '{name}' is being written by another process; choose another name") from None
        raise


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _free(root: Path, name: str) -> Path:
    return root / (name if not (root / name).exists() else _free_name(root, name))


def _free_name(root: Path, name: str) -> str:
    number = 2
    while (root / f"{name}-{number}").exists():
        number += 1
    return f"{name}-{number}"
