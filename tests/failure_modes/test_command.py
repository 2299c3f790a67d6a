"""`sfmodel failure-modes`, as typed: what it finds, writes and keeps, and what it says of mistakes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import TINY

from sfmodel.cli import main
from sfmodel.failure_modes import forked_runs
from sfmodel.failure_modes.forked_runs import ForkedRuns
from sfmodel.results.folder import finished_runs, open_run

OBJECTIVES = "objectives: [{name: answered, endpoints: [server.serve], within: 1 s, objective: 95 %}]\n"
WORDS = ("failure-modes", "--at", "2min", "--horizon", "4min", "--folder", "modes", "--explore", "0")
TYPED = ("platform=tiny", "until=20min", "window=20s")


@pytest.fixture(autouse=True)
def _platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten servers, of which eight are busy, and what is promised of them."""
    monkeypatch.chdir(tmp_path)
    for group, text in (("platform", TINY.replace("until: 3 min", "until: 20 min")), ("alerts", OBJECTIVES)):
        (tmp_path / "conf" / group).mkdir(parents=True)
        (tmp_path / f"conf/{group}/tiny.yaml").write_text(text, encoding="utf-8")


def in_this_process(self: ForkedRuns, missing: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Make the runs here, which takes a tenth of the time."""
    from sfmodel.running import run_replication

    for mapping in missing.values():
        run_replication(mapping, self._folder, lambda share, state: None, lambda line: None)
    return {}


@pytest.fixture
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_runs.ForkedRuns, "_made", in_this_process)


@pytest.mark.usefixtures("_here")
def test_a_mode_is_found_and_its_file_runs_to_the_same_bits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--only", "server.servers, slower", *TYPED]) == 0
    output = capsys.readouterr().out
    assert "server.servers: slower, speed × 0." in output
    found = json.loads(Path("modes/failure_modes.json").read_text(encoding="utf-8"))
    (mode,) = found["modes"]
    assert mode["minimal"]
    assert [one["seed"] for one in mode["held_out"]] == [3]
    (breaks,) = [one["harm"]["bad"] - one["harm"]["usual"] > found["limit"] for one in mode["held_out"]]
    assert mode["confirmed"] == breaks
    assert f"{'also' if breaks else 'not'} with seed 3" in " ".join(output.split())
    assert mode["known"] is None
    assert all(one["bad"] - one["usual"] > found["limit"] > 0.0499 for one in mode["harms"])
    (event,) = mode["events"]
    assert math.log2(1 / event["scale"]["services.server.stations.servers.speed"]) == pytest.approx(
        mode["cost"] * 60 / float(event["for"].removesuffix(" s"))
    )

    path = Path(f"modes/scenario/{mode['scenario']}.yaml")
    text = path.read_text(encoding="utf-8")
    command = next(line for line in text.splitlines() if "sfmodel run" in line).lstrip("# ").split()
    assert main([*command[1:], "name=again"]) == 0

    kept = [
        folder for folder in finished_runs(Path("modes")) if open_run(folder).attrs["scenario"] == event_title(text)
    ]
    (same,) = [folder for folder in kept if open_run(folder).attrs["seed"] == 1]
    one, other = open_run(same).load(), open_run("again").load()
    assert set(one.data_vars) == set(other.data_vars)
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=str(name))


def event_title(text: str) -> str:
    from yaml import safe_load

    return str(safe_load(text)["title"])


@pytest.mark.usefixtures("_here")
def test_the_same_command_makes_nothing_again(capsys: pytest.CaptureFixture[str]) -> None:
    words = [*WORDS, "--only", "server", "--json", *TYPED]
    assert main(words) == 0
    first = capsys.readouterr().out
    made = {path: path.stat().st_mtime_ns for path in Path("modes/runs").glob("*/MANIFEST.json")}
    assert main(words) == 0
    assert capsys.readouterr().out == first
    assert {path: path.stat().st_mtime_ns for path in Path("modes/runs").glob("*/MANIFEST.json")} == made
    (mode,) = json.loads(first)["modes"]
    assert mode["events"][0]["set"] == {"services.server.down": [0]}


@pytest.mark.usefixtures("_here")
def test_another_search_does_not_take_the_place_of_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--only", "server.servers, slower", *TYPED]) == 0
    files = {path: path.read_text() for path in Path("modes").rglob("*.*") if "runs" not in path.parts}
    assert any("mode_" in path.name for path in files)
    assert main([*WORDS, "--horizon", "5min", "--only", "server.servers, slower", *TYPED]) == 2
    complaints = capsys.readouterr().err
    assert "modes has the modes of another search, whose until_s is another; give this one a --folder" in complaints
    assert {path: path.read_text() for path in files} == files


@pytest.mark.usefixtures("_here")
def test_what_cannot_be_broken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    words = [*TYPED, "platform.services.server.stations.servers.servers=100000", "platform.sources.arrivals.rate=1/s"]
    assert main([*WORDS, "--only", "server.serve", *words]) == 0
    assert "nothing breaks it: each of 1 places was tried at its largest for 120 s" in capsys.readouterr().out
    assert not list(Path("modes/scenario").glob("*.yaml"))


@pytest.mark.usefixtures("_here")
def test_interrupted_it_says_what_it_knows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sfmodel.failure_modes.shrinking import Shrinker

    def interrupted(self: Shrinker, trigger: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(Shrinker, "shrunk", interrupted)
    assert main([*WORDS, "--only", "server.servers, slower", *TYPED]) == 0
    output = capsys.readouterr().out
    assert "interrupted: what is known by now stands; the same command goes on from here" in output
    assert "not shrunk to the end" in " ".join(output.split())
    assert len(list(Path("modes/scenario").glob("*.yaml"))) == 1


def test_without_time_nothing_is_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForkedRuns, "time_is_up", lambda self: True)
    assert main([*WORDS, "--within", "1s", *TYPED]) == 1
    assert "time is up" in capsys.readouterr().out
    assert not Path("modes/runs").exists()


def test_processes_make_runs_and_say_why_one_fails(tmp_path: Path) -> None:
    from sfmodel.cli.compose import composed

    mapping = {**composed(["platform=tiny"]), "until": "70 s", "worlds": str(tmp_path / "worlds")}
    wrong = {**mapping, "scenario": {"events": [{"at": "65 s", "scale": {"services.server.stations.cpu.speed": 0.5}}]}}
    make = ForkedRuns(tmp_path / "runs", 1, math.inf, print)
    made = make({"good": mapping, "wrong": wrong})
    assert made["good"]["time"].size == 1
    assert "there is no 'cpu'" in str(made["wrong"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--within", "soon"), "--within: "),
        (("--horizon", "5 s"), "--horizon: expected at least 60 s"),
        (("--seeds", "1"), "--seeds: expected 2 at least"),
        (("--held-out", "0"), "--held-out: expected a whole number above 0"),
        (("--at", "0:00"), "--at: expected a time at least a window of 20 s after the run's start"),
        (("--at", "noon"), "--at: "),
        (("--at", "20:30"), "--at: expected a time before the run's end, 00:20, found 20:30"),
        (("--objective", "anserwed"), "there is no objective 'anserwed'; did you mean 'answered'?"),
        (("--only", "server.cpu"), "nothing of the platform is called 'server.cpu'"),
        (
            (
                "platform=tiny",
                "until=20min",
                "scenario.events=[{at: 2min, scale: {demand.level: 2}}]",
            ),
            "the run has a scenario already",
        ),
    ],
)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, *words, *(() if words[-1].startswith("scenario") else TYPED)]) == 2
    complaints = capsys.readouterr().err
    assert said in complaints
    assert "Traceback" not in complaints
    assert not Path("modes").exists()


def test_a_platform_without_objectives_is_told_where_to_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failure-modes", "platform=chain"]) == 2
    assert "write conf/alerts/chain.yaml, or name a file with --objectives" in capsys.readouterr().err
