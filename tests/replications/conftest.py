"""A platform of one station, run in two replications through the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml
from support import TINY

from sfmodel.cli import main

PLATFORM = TINY + "trace: {one_in: 1000}\n"
TIME = "mean(endpoint[server.serve])"
ROWS = {
    "window": "30 s",
    "rows": [
        {"id": "T", "title": "Time", "measure": TIME, "unit": "s", "at_least": "0.1 s", "at_most": "0.2 s"},
        {"id": "Q", "title": "Quick", "measure": TIME, "unit": "s", "at_most": "0.1 s"},
    ],
}
EVENT = {"at": "90 s", "for": "10 s", "set": {"services.server.stations.servers.servers": 8}}

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the platform."""
    folder = tmp_path_factory.mktemp("replications")
    texts = {
        "platform/tiny.yaml": PLATFORM,
        "rows/tiny.yaml": yaml.safe_dump(ROWS),
        "scenario/slow.yaml": yaml.safe_dump({"title": "Slow", "events": [EVENT]}),
    }
    for name, text in texts.items():
        path = folder / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(autouse=True)
def there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in that folder."""
    monkeypatch.chdir(place)


@pytest.fixture(scope="session")
def call(place: Path) -> Call:
    """The command, in that folder; (exit status, output, complaints)."""

    def execute(*words: str) -> tuple[int, str, str]:
        with chdir(place), redirect_stdout(StringIO()) as said, redirect_stderr(StringIO()) as complaints:
            status = main(words)
        assert "Traceback" not in complaints.getvalue()
        return status, said.getvalue(), complaints.getvalue()

    return execute


@pytest.fixture(scope="session")
def pair(call: Call, place: Path) -> Path:
    """The folder of a run of the seeds 5 and 6."""
    status, _, complaints = call("run", "platform=tiny", "seed=5", "replications=2", "name=pair")
    assert status == 0, complaints
    return place / "runs" / "pair"
