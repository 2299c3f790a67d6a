"""Effects of the changes of a sweep: a panel for each figure, a line for each change, with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.errors import ConfigError
from sfmodel.figures import FORMATS, save
from sfmodel.figures.style import COLOURS, GREY, MARKERS, NORMAL, SMALL, new_figure

if TYPE_CHECKING:
    from sfmodel.sweeps.effects import Effects

_ROW_IN, _PANEL_IN, _GAP_IN, _LETTER_IN = 0.24, 1.9, 0.35, 0.075
_INTERACTIONS = 6
"""Largest interactions that are drawn."""


def draw_effects(
    every: Sequence[Effects],
    figures: Mapping[str, tuple[str, str]],
    keys: Sequence[str],
    path: Path,
    source: str | None = None,
) -> Path:
    """Draw the effects on each figure, the largest on the first figure at the top, and return the file.

    Parameters
    ----------
    every
        For each part of a sweep; each is a colour and a marker.
    figures
        Title and unit of each figure.
    keys
        Which are drawn.
    path
        The file: svg, png or pdf.
    source
        Which data they are of, for its metadata.

    Raises
    ------
    ConfigError
        Another format, or nothing to draw.
    RunError
        The file cannot be written.
    """
    if path.suffix.removeprefix(".") not in (*FORMATS, "pdf"):
        raise ConfigError(f"--output: expected a file that ends in .svg, .png or .pdf, found '{path.name}'")
    shown = [key for key in keys if all(key in one.level for one in every)]
    if not shown:
        raise ConfigError("--output: no figure is shown by all runs, so there is nothing to draw")
    titles = _rows(every, shown[0])
    left = 0.3 + _LETTER_IN * max(len(line) for title in titles for line in _lines(title).splitlines())
    width, height = left + (_PANEL_IN + _GAP_IN) * len(shown), 1.5 + _ROW_IN * len(titles)
    page = new_figure(width, height, "Effects of changes", "with 95 % intervals; across 0: no difference found")
    for column, key in enumerate(shown):
        factor, written = _scale(figures[key][1], [row.sizes[key].mean for one in every for row in one.rows])
        x = (left + (_PANEL_IN + _GAP_IN) * column) / width
        axes = page.add_axes((x, 0.55 / height, _PANEL_IN / width, _ROW_IN * len(titles) / height))
        axes.axvline(0, color=GREY, linewidth=0.8)
        for number, one in enumerate(every):
            shift = 0.5 * (number - (len(every) - 1) / 2) / max(1, len(every))
            sizes = {row.title: row.sizes[key] for row in one.rows}
            for place, title in enumerate(titles):
                if title in sizes:
                    half = 0.0 if math.isnan(sizes[title].half) else sizes[title].half
                    colour = COLOURS[number % len(COLOURS)]
                    axes.errorbar(
                        factor * sizes[title].mean, place + shift, xerr=factor * half, color=colour, markersize=3.5,
                        marker=MARKERS[number % len(MARKERS)], linewidth=1.0, linestyle="",
                        label=", ".join(one.where.values()) if place == 0 else None,
                    )  # fmt: skip
        axes.set_ylim(len(titles) - 0.5, -0.5)
        axes.set_yticks(range(len(titles)), [_lines(title) if column == 0 else "" for title in titles], fontsize=SMALL)
        axes.tick_params(labelsize=SMALL, length=2.5)
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axes.set_title(figures[key][0], fontsize=SMALL, loc="left", wrap=True)
        axes.set_xlabel(written, fontsize=SMALL)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        if column == 0 and len(every) > 1:
            page.legend(*axes.get_legend_handles_labels(), fontsize=NORMAL, frameon=False, loc="upper right", ncols=4)
    return save(page, path, source)


def _lines(title: str) -> str:
    """An interaction in two lines or more."""
    return title.replace(" × ", "\n× ").replace(" = ", "\n= ") if len(title) > 40 else title


def _scale(unit: str, values: Sequence[float]) -> tuple[float, str]:
    """Factor and unit in which effects are drawn."""
    if unit == "s" and max(map(abs, values), default=0) < 1:
        return 1000.0, "ms"
    return (100.0, "pp") if unit == "share" else (1.0, unit)


def _rows(every: Sequence[Effects], key: str) -> list[str]:
    """Titles of the changes, then of the largest interactions, by their size in the first part."""
    rows = sorted(every[0].rows, key=lambda row: -abs(row.sizes[key].mean))
    changes = [row.title for row in rows if not row.is_interaction]
    return changes + [row.title for row in rows if row.is_interaction][:_INTERACTIONS]
