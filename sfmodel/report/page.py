"""Puts sections together into one HTML file, with plotly.js, style and scripts in it, and nothing to be fetched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sfmodel.errors import SfmodelError
from sfmodel.figures.style import COLOURS
from sfmodel.report.parts import Chart, Missing, Playing, Section
from sfmodel.report.sections.curves import lacking
from sfmodel.report.subject import Subject, lacks
from sfmodel.results.disk import disk_errors, write_whole

_LIGHTER = 0.38
"""How far colours go to white on a dark page."""


def write_report(subject: Subject, wanted: Mapping[str, str], path: Path) -> Path:
    """Write the report of a run or a sweep, whole or not at all, and return its file.

    Parameters
    ----------
    subject
        What it is about.
    wanted
        Sections: the name of each one's file, and its heading.
    path
        The file.

    Raises
    ------
    RunError
        It cannot be written.
    """
    text = page([made(name, title, subject) for name, title in wanted.items()], subject)
    with disk_errors(path, "another file, with -o"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    return path


def made(name: str, title: str, subject: Subject) -> Section:
    """One section; of what the subject does not have a sentence stands in its place."""
    try:
        return Section(name, title, import_module(f"sfmodel.report.sections.{name}").section(subject))
    except (Missing, SfmodelError) as error:
        return Section(name, title, [], _sentence(str(error)))
    except KeyError as error:
        variable = lacking(error)
        if variable is None:
            raise
        return Section(name, title, [], lacks(variable))


def page(sections: list[Section], subject: Subject) -> str:
    """The page as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sfmodel.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "separators": (",", ":"),
        "allow_nan": False,
    }  # in the order of the data
    drawn = [part for section in sections for part in section.parts if isinstance(part, Chart | Playing)]
    return environment.get_template("report.html").render(
        subject=subject, sections=sections, colours=COLOURS, lighter=[_lighter(colour) for colour in COLOURS],
        charts=any(isinstance(part, Chart) for part in drawn), plotly=_plotly, source=lambda name: _source(environment, name),
        version=version("sfmodel"), written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )  # fmt: skip


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _source(environment: Any, name: str) -> str:
    return str(environment.loader.get_source(environment, name)[0])


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _lighter(colour: str) -> str:
    """A colour as it is on a dark page; black is near white there."""
    parts = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    share = 0.85 if not any(parts) else _LIGHTER
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)
