"""What all benchmarks share: the table at the end of the run, and results/bench/summary.json."""

from __future__ import annotations

import json
import os
import platform
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from measuring import Report

RESULTS = Path(os.environ.get("SFMODEL_BENCH_RESULTS", Path(__file__).parent.parent / "results" / "bench"))
SUMMARY = RESULTS / "summary.json"
_report = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_report] = Report()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Where a benchmark puts its values."""
    report = request.config.stash[_report]
    report.group = Path(request.node.path).stem.removeprefix("test_")
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash[_report]
    if not report.rows:
        return
    terminalreporter.section("values")
    for line in report.lines():
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"written to {_write(report)}")


def _write(report: Report) -> Path:
    summary = {
        "when": datetime.now().astimezone().isoformat(timespec="seconds"),
        "version": version("sfmodel"),
        "python": platform.python_version(),
        "numba": version("numba"),
        "simpy": version("simpy"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "values": [row.as_dict() for row in report.rows],
    }
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    return SUMMARY


def _processor() -> str:
    """Name of the processor where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
