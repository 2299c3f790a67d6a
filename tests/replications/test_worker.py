"""The process of a replication: how it is told to end, and what it keeps then."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sfmodel
from sfmodel.interrupts import interrupts_later
from sfmodel.replications import worker
from sfmodel.replications.processes import COMMAND

STUCK = """
import signal, threading, time
from sfmodel.replications import worker
worker.GRACE_S = 0.1
signal.signal(signal.SIGINT, signal.SIG_IGN)
threading.Thread(target=worker._end_with_input, daemon=True).start()
time.sleep(600)
"""


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As a shell starts what it does not wait for: interrupts are ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("in_the_background")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_told_to_end_when_nothing_is_cut_in_two(number: int) -> None:
    worker.interruptible()
    done = []

    def work() -> None:
        with interrupts_later():
            signal.raise_signal(number)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


def test_it_ends_when_who_started_it_is_gone_and_keeps_its_windows(tmp_path: Path) -> None:
    mapping = {**sfmodel.load("tiny").config, "until": "50h", "name": "5", "seed": 5}
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(pickle.dumps({"mapping": mapping, "root": tmp_path}))
    process.stdin.flush()
    while not (tmp_path / "5.partial/dataset.zarr/endpoint_latency/c/0").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.stdin.close()
    assert process.wait(300) == 1
    assert "interrupted after" in (tmp_path / "5.incomplete/INCOMPLETE").read_text()


def test_it_ends_too_where_an_interrupt_is_not_seen() -> None:
    process = subprocess.Popen([sys.executable, "-c", STUCK], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(300) == 1
