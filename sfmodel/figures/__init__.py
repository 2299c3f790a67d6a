"""Figures of a run, each an idea of its own file; readable in print and by the colour-blind.

A figure is a function from a dataset to a matplotlib figure. To add one, write its file and add a line to `FIGURES`.
Nothing here is imported before a figure is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.errors import ConfigError, RunError, nearest
from sfmodel.results.disk import disk_errors

if TYPE_CHECKING:
    import xarray as xr

FIGURES: dict[str, str] = {
    "peak_hours": "The evening on one page: demand, response times, errors, hit rates, queues, limits, databases",
    "response_times": "How response times are spread, in normal and peak hours",
    "dependencies": "Who calls whom, how often and how slowly",
}
"""Every figure by name, which is its file's and its function's, and what it shows."""

FORMATS = ("svg", "png")

_SOURCE = {".svg": "Source", ".png": "Source", ".pdf": "Keywords"}
"""What each format calls that from which a figure was made."""

_OF_FORMAT: dict[str, dict[str, Any]] = {
    ".png": {"pil_kwargs": {"compress_level": 3}},  # a twentieth larger than at 6, encoded in a third of the time
}


def draw(
    ds: xr.Dataset,
    folder: Path,
    names: Iterable[str] | None = None,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Draw figures of a run into a folder and return the files.

    Parameters
    ----------
    ds
        Dataset of a run.
    folder
        Where the files go, made if it is missing.
    names
        Names in `FIGURES`; none: all.
    formats
        Endings: svg, png, pdf.

    Raises
    ------
    ConfigError
        No such figure or format.
    RunError
        The run has no windows, or the folder cannot be written.
    """
    wanted = list(FIGURES if names is None else names)
    _check(wanted, formats)
    if not ds.sizes.get("time"):
        raise RunError("this run has no windows, so there is nothing to draw; run it for longer than one window")
    files: list[Path] = []
    source = source_of(ds)
    for name in wanted:
        figure = getattr(import_module(f"sfmodel.figures.{name}"), name)(ds)
        files.extend(save(figure, Path(folder) / f"{name}.{ending}", source) for ending in formats)
    return files


def source_of(ds: xr.Dataset) -> str:
    """Say which data make a figure: the run's name and seeds, the version, the digest of its values."""
    from sfmodel.results.digest import digest_of
    from sfmodel.results.replications import seeds_of, written_seeds

    version, name = ds.attrs.get("version", "?"), ds.attrs.get("name", "?")
    return f"sfmodel {version}, run {name}, seeds {written_seeds(seeds_of(ds))}, data sha256 {digest_of(ds)}"


def source_of_file(path: Path) -> str:
    """Say which file's numbers make a figure."""
    return f"{path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _check(names: Sequence[str], formats: Sequence[str]) -> None:
    for name in names:
        if name not in FIGURES:
            raise ConfigError(f"unknown figure '{name}'; {nearest(name, FIGURES)}")
    for ending in formats:
        if ending not in (*FORMATS, "pdf"):
            raise ConfigError(f"unknown format '{ending}'; {nearest(ending, (*FORMATS, 'pdf'))}")


def save(figure: Any, path: Path, source: str | None = None) -> Path:
    """Write a matplotlib figure into a file, and return that; `source` goes into its metadata.

    Raises
    ------
    RunError
        It cannot be written.
    """
    from sfmodel.figures.style import DOTS_PER_INCH

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata: dict[str, str | None] = {"Date": None} if path.suffix == ".svg" else {}
        if source:
            metadata[_SOURCE[path.suffix]] = source
        figure.savefig(path, dpi=DOTS_PER_INCH, metadata=metadata, **_OF_FORMAT.get(path.suffix, {}))
    return path
