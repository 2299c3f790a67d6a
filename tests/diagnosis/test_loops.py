"""Gains that theory knows, and that a pulse of further requests shows; what turns nowhere is no loop."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import t

from sfmodel.cli import main
from sfmodel.diagnosis.loop_table import loops_data, loops_table
from sfmodel.diagnosis.loops import Loop, Segment, Turns, _segment, loops
from sfmodel.running import run_in_memory

from .planted import platform

Mapping = dict[str, Any]

SURE = 0.999
"""Level of the intervals of means over seeds: of all that are compared here one in fifty runs of the file would fail."""


def run(services: Mapping, sources: Mapping | None = None, until_s: float = 3600, **more: Any) -> Mapping:
    """A platform of these services, an hour of it."""
    own = {"name": "looped", "network": "0 s", "services": services, "sources": sources or {}, **more}
    times = {"start": "0 s", "until": f"{until_s} s", "window": "10 s", "warmup": "600 s"}
    return {"platform": own, **times, "trace": {"one_in": 0}}


def retried(p: float, retries: int, rate: float = 100) -> Mapping:
    """Calls of which a share fails, made again at once, at most so often."""
    again = {"attempts": retries + 1, "backoff": "constant", "base": "0 s"}
    return run(
        {
            "db": {"endpoints": {"get": {"steps": [{"fail": "error", "with_probability": p}]}}},
            "web": {"endpoints": {"get": {"steps": [{"call": "db.get", "retries": again}]}}},
        },
        {"visits": {"call": "web.get", "rate": f"{rate}/s"}},
        until_s=1800,
    )


def asked_again(rate: float, servers: int, probability: float) -> Mapping:
    """Users who find every server busy ask again with a probability, long after a service would have ended."""
    mix = {"request": {"call": "web.get", "weight": 1}}
    return run(
        {
            "web": {
                "stations": {"servers": {"servers": servers, "queue": 0}},
                "endpoints": {"get": {"steps": [{"use": "servers", "time": {"exponential": "1 s"}}]}},
            }
        },
        users={
            "population": 1_000_000, "sessions": {"rate": f"{rate}/s", "types": {"visit": {"requests": 1, "mix": mix}}},
            "retry": {"probability": probability, "attempts": 255, "after": {"exponential": "10 s"}},
        },
    )  # fmt: skip


def memory(changes: float, servers: int, failing: float = 0.0) -> Mapping:
    """Two thousand answers, each looked up every forty seconds; one that changes is computed by servers without a queue."""
    return run(
        {
            "web": {
                "caches": {"answers": {"key": "item", "ttl": "30 h", "warm": 1}},
                "endpoints": {
                    "get": {
                        "steps": [{"lookup": "answers", "on_hit": "return"}, {"call": "db.get"}, {"store": "answers"}]
                    },
                    "change": {"steps": [{"invalidate": "answers"}]},
                },
            },
            "db": {
                "stations": {"servers": {"servers": servers, "queue": 0}},
                "endpoints": {
                    "get": {
                        "steps": [
                            {"use": "servers", "time": {"exponential": "500 ms"}},
                            {"fail": "error", "with_probability": failing},
                        ]
                    }
                },
            },
        },
        {
            "visits": {"call": "web.get", "rate": "50/s", "item": "random"},
            "changes": {"call": "web.change", "rate": f"{changes}/s", "item": "random"},
        },
        content={"items": 2000, "popularity": 0},
    )


def erlang_b(offered: float, servers: int) -> float:
    """Share of Poisson arrivals that find every server busy (Erlang 1917)."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked


def refused_of_one_more(offered: float, servers: int) -> float:
    """Derivative of offered × B(offered)."""
    step = 1e-4
    below, above = ((offered + d) * erlang_b(offered + d, servers) for d in (-step, step))
    return (above - below) / (2 * step)


def only(mapping: Mapping, seed: int) -> Loop:
    (found,) = loops(run_in_memory({**mapping, "seed": seed}))
    return found


def over_seeds(values: list[float]) -> tuple[float, float]:
    """Mean and half of its interval at the level of this file."""
    half = t.ppf((1 + SURE) / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return float(np.mean(values)), float(half)


def mean_gain(loop: Loop) -> float:
    return float(np.mean([one.gain for one in loop.segments if not math.isnan(one.gain)]))


def pulsed(mapping: Mapping, key: str, seed: int, name: str, again: str) -> float:
    """Of the attempts that a twentieth more demand makes, beside a twentieth less with the same seed, those made again."""
    totals = []
    for factor in (0.95, 1.05):
        own = copy.deepcopy(mapping)
        own["scenario"] = {"title": "Pulse", "events": [{"at": "300 s", "for": "2700 s", "scale": {key: factor}}]}
        ds = run_in_memory({**own, "seed": seed})
        totals.append([float(ds[variable].sum()) for variable in (name, again)])
    attempts, others = np.diff(totals, axis=0)[0]
    return float(others / attempts)


@pytest.mark.parametrize(("p", "retries"), [(0.3, 3), (0.6, 2)])
def test_retries_at_once_are_a_geometric_series(p: float, retries: int) -> None:
    """Of 1 + p + … + pⁿ attempts p + … + pⁿ are made again, whatever the load: gain and share again are the same."""
    expected = sum(p**k for k in range(1, retries + 1)) / sum(p**k for k in range(retries + 1))
    found = [only(retried(p, retries), seed) for seed in range(1, 7)]
    # attempts are 180,000 and more: five standard deviations of the share are below 0.01
    assert all(one.again == pytest.approx(expected, abs=0.01) for loop in found for one in loop.segments)
    mean, half = over_seeds([mean_gain(loop) for loop in found])
    assert abs(mean - expected) <= half


def test_the_gain_of_users_is_what_theory_and_a_pulse_say_and_more_than_the_share_again() -> None:
    """Users come back after ten services, so that attempts are nearly Poisson: a = λ + p·a·B(a), and one more of them makes
    p·d(a·B(a))/da further ones. A tenth of a's own correlation is left, and the response is convex: 0.03 for both."""
    rate, servers, p, near = 18.0, 20, 0.5, 0.03
    offered = rate
    for _ in range(1000):
        offered = rate + p * offered * erlang_b(offered, servers)
    expected = p * refused_of_one_more(offered, servers)
    assert expected > 4 * p * erlang_b(
        offered, servers
    )  # through the load it is four times what one's own failures make
    mapping, seeds = asked_again(rate, servers, p), range(1, 7)
    found, half = over_seeds([mean_gain(only(mapping, seed)) for seed in seeds])
    pulse, wide = over_seeds(
        [pulsed(mapping, "users.sessions.rate", seed, "users_requests", "users_retries") for seed in seeds]
    )
    assert abs(found - expected) <= half + near
    assert abs(pulse - expected) <= wide + near
    assert abs(found - pulse) <= math.hypot(half, wide) + near
    segment = only(mapping, 1).closest
    assert segment.again == pytest.approx(
        p * erlang_b(offered, servers), rel=0.15
    )  # 17,000 attempts in a quarter of an hour
    assert segment.amplification == pytest.approx(1 / (1 - segment.again))


def test_intervals_of_all_segments_of_a_loop_hold_its_gain_in_95_of_100() -> None:
    """Of 40 loops at most 6 miss it if 95 of 100 do not (binomial, 0.7 %); Newey and West's are a little short: 8."""
    p, retries = 0.5, 1
    expected = p / (1 + p)
    missed = 0
    for seed in range(40):
        found = only(retried(p, retries, rate=15), seed + 100)
        missed += any(not one.low <= expected <= one.high for one in found.segments if not math.isnan(one.gain))
    assert missed <= 8


def test_misses_whose_answers_fail_make_further_misses() -> None:
    """Whatever the load a share fails, is not stored, and is missed again by who looks next, unless it changes before."""
    mapping = memory(changes=5, servers=60, failing=0.4)
    looked_before_it_changes = (1 / 40) / (1 / 40 + 5 / 2000)
    found = only(mapping, 1)
    assert found.kind == "misses"
    assert found.name == "web.answers"
    again = [one.again for one in found.segments]
    # 7000 misses in a quarter of an hour: 0.4 ± 0.006 of them fail
    assert np.mean(again) == pytest.approx(0.4 * looked_before_it_changes, abs=0.02)


def test_the_gain_of_misses_is_what_a_pulse_says_where_the_keeper_is_short() -> None:
    """One more change makes a miss, which takes a server from others. What looks again within the same window tells a little
    too much: a tenth of the binomial variance of what fails, 0.04."""
    changes, servers, near = 5.0, 4, 0.04
    looked = (1 / 40) / (1 / 40 + changes / 2000)
    mapping, seeds = memory(changes, servers), range(1, 7)
    found, half = over_seeds([mean_gain(only(mapping, seed)) for seed in seeds])
    pulses = []
    for seed in seeds:
        stored = pulsed(mapping, "sources.changes.rate", seed, "cache_misses", "cache_stores")
        pulses.append((1 - stored) * looked)
    pulse, wide = over_seeds(pulses)
    assert abs(found - pulse) <= math.hypot(half, wide) + near
    share = np.mean([one.again for one in only(mapping, 1).segments])
    assert found - half > 1.5 * share  # through the load it is much more than one's own


def segment(again: float, gain: float = math.nan, half: float = 0.0) -> Segment:
    """Of a thousand attempts, half of which fail."""
    return Segment(0.0, 900.0, 1000, 500, round(1000 * again), 2 * again, again, gain, gain - half, gain + half)


@pytest.mark.parametrize(
    ("segments", "closest", "verdict"),
    [
        pytest.param([segment(0.1, 0.2, 0.1), segment(0.4)], 1, "not known", id="calm, and a storm of unknown gain"),
        pytest.param([segment(0.4), segment(0.1, 0.2, 0.1)], 0, "not known", id="a storm of unknown gain first"),
        pytest.param([segment(0.1, 0.2, 0.1), segment(0.3, 0.5, 0.1)], 1, "dies out", id="in both"),
        pytest.param([segment(0.001), segment(0.3, 0.5, 0.1)], 1, "dies out", id="in the one in which it turns"),
        pytest.param([segment(0.4), segment(0.1, 1.4, 0.1)], 1, "grows", id="one in which it grows is enough"),
        pytest.param([segment(0.4), segment(0.1, 0.9, 0.2)], 1, "may grow", id="one in which it may is enough"),
        pytest.param([segment(0.1, 1.5, 0.6), segment(0.1, 1.4, 0.1)], 1, "grows", id="what is certain is first"),
        pytest.param([segment(0.1, 0.5, 0.6), segment(0.4)], 1, "not known", id="an interval of 0 and 1 says nothing"),
        pytest.param(
            [segment(0.1, 0.9, 0.2), segment(0.4, 0.8, 0.9)], 0, "may grow", id="one that says nothing is later"
        ),
    ],
)
def test_a_loop_dies_out_if_it_does_wherever_it_turns(segments: list[Segment], closest: int, verdict: str) -> None:
    loop = Loop("users", "request", tuple(segments), 0.5, 0.0)
    assert loop.closest is segments[closest]
    assert loop.closest.verdict == verdict
    (told,) = loops_data([loop])
    assert told["closest"]["verdict"] == verdict
    assert [next(iter(column.cells)) for column in loops_table([loop]).columns][3:5] == [  # what there is, is printed
        "500", str(segments[closest].made_again),
    ]  # fmt: skip


def test_loops_fit_80_columns_and_no_number_is_cut():
    loop = Loop("users", "discover.recommendations", (segment(0.9, -0.95, 2.07),), 0.5, 0.0)
    console = Console(width=80)
    with console.capture() as printed:
        console.print(loops_table([loop], width=80))
    assert {"-0.95", "(-3.02–1.12)", "900", "not", "known"} <= set(printed.get().split())


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_what_is_made_again_after_a_segments_end_counts_for_its_failures(delay: int) -> None:
    """Half of what fails is made again, so many windows later; the storm is the last three windows of the first segment."""
    failed = np.ones(180)
    failed[87:90] = 1000
    again = np.concatenate([np.zeros(delay), failed[: 180 - delay] / 2])
    turns = Turns("users", "request", again + 1000, np.full(180, 1000.0), failed, again)
    time_s, width_s = np.arange(180) * 10.0, np.full(180, 10.0)
    for part in (slice(0, 90), slice(90, 180)):
        assert _segment(turns, part, time_s, width_s, 0.95).again_per_failure == pytest.approx(0.5)


def test_intervals_are_of_all_loops_of_a_run_together() -> None:
    """Two call sites, beside one of the same run: each interval at 1 − 5 %/(2 loops · 2 segments), not at 1 − 5 %/2."""
    mapping = retried(0.5, 2)
    services = mapping["platform"]["services"]
    services["other"] = copy.deepcopy(services["web"])
    mapping["platform"]["sources"]["others"] = {"call": "other.get", "rate": "100/s"}
    ds = run_in_memory({**mapping, "seed": 1})
    both = {loop.name: loop for loop in loops(ds)}
    assert set(both) == {"web.get>db.get", "other.get>db.get"}
    (alone,) = loops(ds.sel(call=["web.get>db.get"]))
    freedom = 90 - 3 - 8  # windows of the first segment that have three before them, less a constant, a trend and 3 + 3
    ratio = t.ppf(1 - 0.05 / 8, freedom) / t.ppf(1 - 0.05 / 4, freedom)
    one, other = both["web.get>db.get"].segments[0], alone.segments[0]
    assert one.gain == other.gain
    assert (one.high - one.low) / (other.high - other.low) == pytest.approx(ratio)


def test_where_nothing_is_made_again_there_is_no_loop() -> None:
    assert loops(run_in_memory(platform(3)[1])) == []


def test_a_run_too_short_says_what_was_counted_and_no_gain() -> None:
    mapping = {**retried(0.5, 2), "until": "200 s"}
    (one,) = only(mapping, 1).segments
    assert math.isnan(one.gain)
    assert one.again == pytest.approx(0.75 / 1.75, abs=0.02)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sfmodel.running import run_to_folder

    monkeypatch.chdir(tmp_path)
    run_to_folder({**retried(0.5, 2), "name": "looped"}, None, Path("runs"))
    capsys.readouterr()
    assert main(["diagnose", "looped", "--json"]) == 0
    (loop,) = json.loads(capsys.readouterr().out)["loops"]
    assert (loop["kind"], loop["name"]) == ("calls", "web.get>db.get")
    assert loop["closest"]["verdict"] == "dies out"
    assert main(["diagnose", "looped"]) == 0
    assert "loops, in the quarter of an hour that is closest" in capsys.readouterr().out
