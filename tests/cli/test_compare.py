"""Two runs side by side, as typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import TINY

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def compared(sfmodel: Command) -> Command:
    """Runs of a tiny platform: a and again (the same, three seeds), more (12 servers), single, and other (seeds 7 to 9)."""
    path = Path("conf/platform/tiny.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(TINY, encoding="utf-8")
    more = "platform.services.server.stations.servers.servers=12"
    for name, *words in (
        ("a", "replications=3"), ("again", "replications=3"), ("more", "replications=3", more), ("single", more),
        ("other", "replications=3", "seed=7"), ("wide", "window=20s"), ("later", "start='00:04'", "until='00:05'"),
    ):  # fmt: skip
        assert sfmodel("run", "platform=tiny", f"name={name}", *words)[0] == 0
    return sfmodel


def test_effects_and_none(compared: Command) -> None:
    status, output, _ = compared("compare", "a", "more")
    assert status == 0
    assert "more beside a, whole run" in output
    assert "They differ in platform.services.server.stations.servers.servers (10 → 12)." in output
    assert "Mean differences over 3 seeds that both have, from 00:01 to 00:03" in output
    data = json.loads(compared("compare", "a", "more", "--json")[1])
    assert data["differ_in"] == {"platform.services.server.stations.servers.servers": ["10", "12"]}
    assert data["seeds"] == {"a": [1, 2, 3], "b": [1, 2, 3], "paired": [1, 2, 3]}
    busy = data["whole"]["busy.server.servers"]
    assert busy["found"]
    # 80/s of 0.1 s: 8 of 10 servers are busy, and 8 of 12
    assert busy["low"] < 8 / 12 - 8 / 10 < busy["high"]
    assert busy["difference"] == pytest.approx(busy["b"] - busy["a"])

    _, output, _ = compared("compare", "a", "again")
    assert "no difference found in any of" in output
    assert "They differ in nothing but" in output
    figures = json.loads(compared("compare", "a", "again", "--json")[1])["whole"]
    assert {figure["difference"] for figure in figures.values()} == {0.0}

    # other seeds: the same requests come at other times; Welch's interval, in which busy differs as above
    data = json.loads(compared("compare", "other", "more", "--json")[1])
    assert data["seeds"]["paired"] == []
    assert "(Welch's)" in compared("compare", "other", "more")[1]

    _, output, _ = compared("compare", "a", "single")
    assert "One pair, from 00:01 to 00:03: what is chance cannot be told from an effect" in output
    assert json.loads(compared("compare", "a", "single", "--json")[1])["whole"]["busy.server.servers"]["found"] is None

    for words, expected in (
        (("a", "wide"), "the runs have windows of 10 s and 20 s"),
        (("a", "later"), "the runs have no time in common"),
        (("a", "a"), "a is named twice"),
        (("a", "moer"), "there is no run 'moer'"),
        (("a", "more", "--period", "noon"), "--period: expected whole, normal, peak, found 'noon'"),
        (("a", "more", "--period", "peak"), "--period: these runs have no peak hours; there are whole"),
    ):
        status, _, complaints = compared("compare", *words)
        assert status in (1, 2)
        assert expected in complaints
