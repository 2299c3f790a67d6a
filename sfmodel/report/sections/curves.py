"""The curves of the platform's own file under `conf/figures`, else the generic ones, over one time axis."""

from __future__ import annotations

import re
from dataclasses import replace

from sfmodel.errors import ConfigError
from sfmodel.figures.evening import platform_panels
from sfmodel.figures.over_seeds import mean_lines
from sfmodel.figures.panel import Panel
from sfmodel.figures.panels import PANELS, lines_of
from sfmodel.report.charts import panel_chart
from sfmodel.report.parts import Missing, Note, Part
from sfmodel.report.subject import RunSubject, lacks
from sfmodel.results.variables import VARIABLES


def section(run: RunSubject) -> list[Part | Note]:
    """A chart for each panel that has something to show; what it lacks is said where it would stand."""
    run.needs()
    parts = [part for panel in platform_panels(run.whole) if (part := chart(run, panel)) is not None]
    if not parts:
        raise Missing("Nothing that the curves show was measured in this run.")
    return parts


def chart(run: RunSubject, panel: Panel, title: str = "") -> Part | Note | None:
    """One panel; none: the run has nothing that it shows. What an older version did not measure is a sentence."""
    title = title or panel.title or PANELS[panel.panel][1]
    try:
        shown = lines_of(run.evening, panel)
    except KeyError as error:
        name = lacking(error)
        if name is None:
            raise
        return Note(f"{title}: {lacks(name)}")
    except ConfigError as error:
        return Note(f"{title}: {error}.")
    if shown is None:
        return None
    name = re.sub(r"\W+", "-", title).strip("-").lower()
    return replace(panel_chart(run.evening, name, title, mean_lines(shown), panel.lowest), kind="chart")


def lacking(error: KeyError) -> str | None:
    """The result variable that was asked for and is not there; none: the error is of something else."""
    words = re.findall(r"[a-z_]+", str(error))
    return next((word for word in words if word in VARIABLES or word == "width"), None)
