"""A real Prometheus on loopback, on a database made of a run's series."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

DAY = date(2026, 3, 1)

needs_prometheus = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("prometheus") is None, reason="Prometheus is not installed"
)


def database(folder: Path) -> None:
    """Make `data` of `series.txt` in a folder."""
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "series.txt", "data"]
    subprocess.run(made, cwd=folder, capture_output=True, timeout=120, check=True)


class Server:
    """Prometheus on a database that is there, on loopback; stopped when it is left."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._at = f"127.0.0.1:{found.getsockname()[1]}"
        (folder / "prometheus.yml").write_text("{}\n")
        self._command = [
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=100y",
            f"--web.listen-address={self._at}",
        ]  # fmt: skip
        self._folder = folder

    def __enter__(self) -> Server:
        self._log = (self._folder / "prometheus.log").open("w")
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=self._log, stderr=subprocess.STDOUT)
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://{self._at}/-/ready", timeout=5) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                time.sleep(0.1)
        self.__exit__()
        raise AssertionError((self._folder / "prometheus.log").read_text())

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)
        self._log.close()

    def value(self, expression: str, at_s: float) -> float | None:
        """Value of an expression at a time of day; none: it has none then."""
        moment = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp() + at_s
        words = urllib.parse.urlencode({"query": expression, "time": moment})
        with urllib.request.urlopen(f"http://{self._at}/api/v1/query?{words}", timeout=30) as answer:
            found = json.load(answer)["data"]["result"]
        return float(found[0]["value"][1]) if found else None
