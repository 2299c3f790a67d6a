"""The report: one HTML file of a run or of a sweep, which needs nothing else.

A section is a file in `sections/` with a function `section(subject)`, which returns its parts or raises `Missing`, and a line
below.
"""

from sfmodel.report.page import write_report
from sfmodel.report.subject import RunSubject, SweepSubject

__all__ = ["OF_RUN", "OF_SWEEP", "RunSubject", "SweepSubject", "write_report"]

OF_RUN: dict[str, str] = {
    "headline": "In short",
    "spreading": "How it spread",
    "cascades": "Cascades",
    "curves": "The run, hour by hour",
    "queues": "Queues",
    "breakers": "Circuit breakers",
    "time": "Where time goes",
    "critical_path": "The critical path",
    "causes": "What failures come from",
    "bottlenecks": "Bottlenecks",
    "claims": "Claims",
    "alerts": "Alerts",
}
"""Every section of a run by the name of its file, in order, with its heading."""

OF_SWEEP: dict[str, str] = {
    "points": "In short",
    "effects": "What each change does",
    "pareto": "What it costs",
    "unfinished": "What is missing",
}
"""Every section of a sweep."""
