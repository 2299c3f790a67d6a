"""Runs that part at a time, as typed: the world that they have in common is made once and said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import TINY

import sfmodel as package

Command = Callable[..., tuple[int, str, str]]

FASTER = """# @package intervention.faster
title: Twice the servers
servers: 20
changes:
  - set: {services.server.stations.servers.servers: "${intervention.faster.servers}"}
"""


@pytest.fixture(autouse=True)
def _platform(tmp_path: Path) -> None:
    for file, text in (("platform/tiny", TINY), ("intervention/faster", FASTER)):
        path = tmp_path / f"conf/{file}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_runs_go_on_from_the_world_of_the_first(sfmodel: Command) -> None:
    words = ("run", "platform=tiny", "forks=['00:02']")
    first = sfmodel(*words, "name=plain")
    second = sfmodel(*words, "name=changed", "intervention=[faster]", "switch_on='00:02'")
    straight = sfmodel("run", "platform=tiny", "name=straight", "intervention=[faster]", "switch_on='00:02'")

    assert [first[0], second[0], straight[0]] == [0, 0, 0]
    assert len([path for path in Path("worlds").iterdir() if path.is_dir()]) == 1
    assert "goes on from the world of 00:02 in worlds" in second[1]
    assert "goes on" not in straight[1]
    changed, expected = package.open("changed"), package.open("straight")
    for name in expected.variables:
        np.testing.assert_array_equal(changed[name].values, expected[name].values, err_msg=str(name))
    assert changed.attrs["config"] == {**expected.attrs["config"], "name": "changed"}
    assert set(np.unique(expected["station_servers"])) == {10, 20}


def test_replications_have_worlds_of_their_own(sfmodel: Command) -> None:
    status, _, complaints = sfmodel(
        "run", "platform=tiny", "forks=['00:02']", "name=two", "replications=2", "processes=2"
    )

    assert status == 0, complaints
    assert len([path for path in Path("worlds").iterdir() if path.is_dir()]) == 2


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("forks=['00:02:05']", "expected times from start until the end of the run, where a window of 10 s begins"),
        ("forks=['00:30']", "found 00:30:00"),
        ("forks=['00:00:30']", "found 00:00:30"),
        ("forks=[soon]", "forks.0: expected a time of day"),
        ("switch_on=later", "switch_on: expected a time of day"),
    ],
)
def test_a_time_that_cannot_be(sfmodel: Command, word: str, expected: str) -> None:
    status, _, complaints = sfmodel("run", "platform=tiny", word)

    assert status == 2
    assert expected in complaints
    assert not Path("worlds").exists()
    assert not Path("runs").exists()


def test_a_switch_after_the_end_is_said(sfmodel: Command) -> None:
    status, output, _ = sfmodel("run", "platform=tiny", "intervention=[faster]", "switch_on='00:05'")

    assert status == 0
    assert "warning: switch_on: 00:05 comes after the run's end, 00:03, so nothing is switched on in it" in output


def test_a_folder_for_worlds_that_cannot_be(sfmodel: Command) -> None:
    Path("taken").write_text("no folder")
    status, _, complaints = sfmodel("run", "platform=tiny", "forks=['00:02']", "worlds=taken")

    assert status == 1
    assert "taken" in complaints
    assert "choose another folder for worlds" in complaints
