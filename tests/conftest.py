"""What all tests share: `support` is importable, and the markers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "theory: against a formula, by intervals whose levels add up to 99 %")
    config.addinivalue_line("markers", "interpreted: also run with the compiler off")


LONG_FIRST = ("system", "oracles", "reference", "experiments", "clusters")
"""Folders whose files take minutes: one that began last would run alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first."""
    items.sort(key=lambda item: item.path.parent.name not in LONG_FIRST)


ABSENT = {
    "SFMODEL_WITHOUT_REDIS": "redis-server",
    "SFMODEL_WITHOUT_PROMETHEUS": "Prometheus is not installed",
    "SFMODEL_WITHOUT_CHROMIUM": "Chromium is not installed",
    "SFMODEL_WITHOUT_RAY": "Ray is not installed",
    "SFMODEL_WITHOUT_SLURM": "Slurm's daemons",
}
"""What is said to be absent by a variable of the environment: words of the reason for which its tests are skipped."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With SFMODEL_NOTHING_SKIPPED a skipped test fails: what it needs must be installed, unless it is said to be absent."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    absent = any(os.environ.get(name) and words in str(report.longrepr) for name, words in ABSENT.items())
    if report.skipped and not absent and os.environ.get("SFMODEL_NOTHING_SKIPPED") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
