"""A map of metastability: for each load, which size and duration of the trigger is recovered from; and load up and down again."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sfmodel.errors import ConfigError
from sfmodel.figures import FORMATS, save
from sfmodel.figures.style import BLUE, GREY, NORMAL, ORANGE, SMALL, VERMILLION, new_figure, tidy
from sfmodel.results.digest import digest

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_PANEL_IN, _GAP_IN, _LEFT_IN, _TOP_IN, _BOTTOM_IN = 1.75, 0.4, 0.75, 0.95, 0.75

KINDS = {
    "all recover": (BLUE, "o"), "some do": (ORANGE, "D"), "none does": (VERMILLION, "X"), "down by itself": (GREY, "s"),
}  # fmt: skip
"""Colour and marker of a cell."""


def check_format(path: Path) -> None:
    """Refuse a file of another kind.

    Raises
    ------
    ConfigError
        It is no figure's.
    """
    if path.suffix.removeprefix(".") not in (*FORMATS, "pdf"):
        raise ConfigError(f"--output: expected a file that ends in .svg, .png or .pdf, found '{path.name}'")


def draw_map(ds: xr.Dataset, path: Path) -> Path:
    """Draw a map, as `sfmodel.metastability.map_dataset` gives it, and return the file.

    Raises
    ------
    ConfigError
        Another format.
    RunError
        The file cannot be written.
    """
    check_format(path)
    changes, loads = [str(one) for one in ds["change"].values], ds["load"].values.tolist()
    ramped = "ramp_answered" in ds
    columns, rows = len(loads) + ramped, len(changes)
    width = max(5.5, _LEFT_IN + (_PANEL_IN + _GAP_IN) * columns)
    height = _TOP_IN + (_PANEL_IN + _BOTTOM_IN) * rows
    below = "Constant demand. Each mark is a cell of one seed or more; its size says how many."
    page = new_figure(width, height, str(ds.attrs["trigger"]), below)
    for row, change in enumerate(changes):
        y = 1 - (_TOP_IN + (_PANEL_IN + _BOTTOM_IN) * (row + 1) - _BOTTOM_IN) / height
        for column in range(columns):
            x = (_LEFT_IN + (_PANEL_IN + _GAP_IN) * column) / width
            axes = page.add_axes((x, y, _PANEL_IN / width, _PANEL_IN / height))
            if column < len(loads):
                _cells(axes, ds.sel(change=change, load=loads[column]), ds)
                state = ds["load_state"].sel(change=change, load=loads[column]).item() or "not run"
                tidy(axes, f"load {loads[column]:g}: {state}", "")
                if column == 0:
                    axes.set_ylabel(f"{change}: size", fontsize=NORMAL)
                else:
                    axes.set_yticklabels([])
                axes.set_xlabel("duration, s", fontsize=SMALL)
            else:
                _ways(axes, ds.sel(change=change))
                tidy(axes, "answered, load up and down", "")
                axes.set_xlabel("load", fontsize=SMALL)
    handles, labels = _keys()
    page.legend(handles, labels, fontsize=SMALL, frameon=False, loc="upper right", ncols=2)
    return save(page, path, f"sfmodel {version('sfmodel')}, map, data sha256 {digest(ds)}")


def _cells(axes: Axes, cells: xr.Dataset, whole: xr.Dataset) -> None:
    from matplotlib.ticker import NullLocator

    runs = (cells["state"] > 0).sum("seed")
    for size in cells["size"].values.tolist():
        for duration_s in cells["duration"].values.tolist():
            count = int(runs.sel(size=size, duration=duration_s))
            if count:
                colour, marker = KINDS[_kind(float(cells["probability"].sel(size=size, duration=duration_s)))]
                axes.scatter([duration_s], [size], s=16 + 10 * count, c=colour, marker=marker, linewidths=0)
    durations, sizes = whole["duration"].values, whole["size"].values
    axes.set_xscale("log")
    axes.set_xticks(durations, [f"{one:g}" for one in durations], fontsize=SMALL)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(durations.min() / 1.5, durations.max() * 1.5)
    margin = 0.12 * max(float(np.ptp(sizes)), 0.1)
    axes.set_ylim(sizes.min() - margin, sizes.max() + margin)


def _kind(probability: float) -> str:
    if np.isnan(probability):
        return "down by itself"
    return "all recover" if probability == 1 else "none does" if probability == 0 else "some do"


def _ways(axes: Axes, own: xr.Dataset) -> None:
    levels = own["ramp_load"].values
    top = int(np.argmax(levels))
    answered = own["ramp_answered"].mean("ramp_seed").values
    axes.plot(levels[: top + 1], answered[: top + 1], color=BLUE, marker=">", markersize=3.5, linewidth=1.2, label="up")
    axes.plot(levels[top:], answered[top:], color=VERMILLION, marker="<", markersize=3.5, linewidth=1.2, label="down")
    axes.set_ylim(-0.03, 1.05)
    axes.legend(fontsize=SMALL, frameon=False)


def _keys() -> tuple[list[Line2D], list[str]]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5) for colour, marker in KINDS.values()
    ]
    return handles, list(KINDS)
