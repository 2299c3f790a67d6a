"""Processes that make replications, with made-up workers in place of the real one."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import SimpleNamespace

import pytest

from sfmodel.replications import processes
from sfmodel.replications.processes import Processes, how_many

REPORTS = """
import json, os, pickle, sys, time
job = pickle.load(sys.stdin.buffer)
seed = job["mapping"]["seed"]
print(json.dumps({"share": 0.5, "state": f"half of {seed}"}), flush=True)
"""
DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(json.dumps({"said": str(os.getpid())}), flush=True)
time.sleep(600)
"""
ENDS = {
    "fine": ("", None),
    "error": ('print(json.dumps({"error": "the disk is full"})); sys.exit(1)', "the disk is full"),
    "crash": ('sys.exit("something broke")', "something broke"),
    "silent": ("sys.exit(3)", "it ended with status 3 and no message"),
    "killed": ("os.kill(os.getpid(), 9)", "it was ended by SIGKILL, as by a machine that is out of memory"),
}


def make(tmp_path, monkeypatch, script: str, seeds: list[int], said: list[str] | None = None, at_a_time: int = 2):
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", REPORTS + script))
    said = [] if said is None else said
    reports = {seed: lambda share, state: said.append(state) for seed in seeds}
    with Processes(at_a_time, print) as made:
        return dict(made.make({seed: {"seed": seed} for seed in seeds}, tmp_path, reports))


@pytest.mark.parametrize("end", ENDS)
def test_what_a_process_ended_with(end, tmp_path, monkeypatch):
    script, reason = ENDS[end]
    said: list[str] = []
    assert make(tmp_path, monkeypatch, script, [4], said) == {4: reason}
    assert said == ["begun", "half of 4"]


def test_one_that_is_killed_costs_only_itself(tmp_path, monkeypatch):
    found = make(tmp_path, monkeypatch, "if seed == 2: os.kill(os.getpid(), 9)", [1, 2, 3])
    assert [seed for seed, reason in found.items() if reason] == [2]


def test_what_the_user_should_know_comes_with_the_seed(tmp_path, monkeypatch):
    script = REPORTS + 'print(json.dumps({"said": "too many spans"}))'
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", script))
    said = []
    with Processes(1, lambda line, seed: said.append((line, seed))) as made:
        list(made.make({4: {"seed": 4}}, tmp_path, {4: lambda share, state: None}))
    assert said == [("too many spans", 4)]


def test_the_input_of_a_process_is_open_as_long_as_this_one_lives(tmp_path, monkeypatch):
    script = "import select\nif select.select([0], [], [], 1)[0]: sys.exit('its input has ended')"
    assert make(tmp_path, monkeypatch, script, [4]) == {4: None}


@pytest.fixture
def interruptible():
    """Interrupts interrupt, also where the tests run in the background, which ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_process_that_cannot_be_started(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "COMMAND", (str(tmp_path / "nothing"),))
    with Processes(1, print) as made:
        found = dict(made.make({1: {"seed": 1}}, tmp_path, {1: print}))
    assert found == {1: "its process cannot be started: no such file or directory"}


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_what_is_under_way(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", REPORTS + "time.sleep(600)"))
    begun: list[str] = []

    def interrupt(share: float, state: str) -> None:
        begun.append(state)
        if state != "begun":
            os.kill(os.getpid(), signal.SIGINT)

    said: list[str] = []
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt), Processes(1, lambda line, seed: said.append(line)) as made:
        list(made.make({1: {"seed": 1}, 2: {"seed": 2}}, tmp_path, dict.fromkeys((1, 2), interrupt)))
    assert begun == ["begun", "half of 1"]
    assert said == ["ending what is under way, within 10 s"]
    assert time.perf_counter() - started < 300


@pytest.mark.usefixtures("interruptible")
def test_a_second_interrupt_leaves_nothing_under_way(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", REPORTS + DEAF))
    monkeypatch.setattr(processes, "PATIENCE_S", 1.0)
    said: list[str] = []

    def interrupt(line: str, seed: int | None) -> None:
        said.append(line)
        os.kill(os.getpid(), signal.SIGINT)

    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt), Processes(1, interrupt) as made:
        list(made.make({1: {"seed": 1}}, tmp_path, {1: lambda share, state: None}))
    process, ending = said
    assert ending == "ending what is under way, within 1 s"
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)
    assert time.perf_counter() - started < 300


@pytest.mark.parametrize(
    ("asked", "wanted", "fit", "expected"),
    [
        (None, 8, 100, 4),
        (None, 3, 100, 3),
        (None, 8, 2, 2),
        (None, 8, 0, 1),
        (6, 8, 1, 6),
        (6, 2, 100, 2),
        (2, 0, 9, 1),
        (None, 0, 9, 1),
    ],
)
def test_as_many_at_a_time_as_there_is_work_cores_and_memory(asked, wanted, fit, expected, monkeypatch):
    monkeypatch.setattr(processes, "cores", lambda: 4)
    monkeypatch.setattr(processes, "available_bytes", lambda: int(2.3e9 * fit) + 1)
    monkeypatch.setattr(processes, "total_bytes", lambda plan: 2_300_000_000)
    assert how_many(asked, wanted, SimpleNamespace()) == expected  # type: ignore[arg-type]
