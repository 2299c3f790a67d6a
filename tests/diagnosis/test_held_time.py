"""What held workers do: known by construction, and as the meters say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfmodel.diagnosis.held_time import HeldFor, held_times

from .test_critical_path import platform, service, use
from .traced import traced


def test_each_thing_that_a_holder_does(tmp_path: Path) -> None:
    """Of 240 ms: 30 in service, 150 and 2 x 10 for two callees, 40 asleep; a third callee is not waited for."""
    web = service(
        use("30 ms"), {"call": "shop.do"}, {"call": "cache.do"}, {"call": "cache.do"}, {"send": "mail.do"}, {"sleep": "40 ms"}
    )  # fmt: skip
    web["stations"]["workers"] = {"servers": 100}
    web["endpoints"]["do"]["hold"] = "workers"
    others = {"shop": service(use("150 ms")), "cache": service(use("10 ms")), "mail": service(use("9 s"))}
    (found,) = held_times(*traced(platform(web=web, **others), tmp_path))
    assert sum(found.shares.parts_ns.values()) == found.shares.total_ns
    wanted = {
        HeldFor("call", "web.do>shop.do"): 150, HeldFor("other"): 40, HeldFor("work"): 30,
        HeldFor("call", "web.do>cache.do"): 10, HeldFor("call", "web.do>cache.do#2"): 10,
    }  # fmt: skip
    assert {part: 240 * found.shares.share(part) for part in wanted} == pytest.approx(wanted, abs=1e-3)
    assert found.station == "web.workers"
    assert not found.partly


def test_the_meters_agree(tmp_path: Path) -> None:
    """All tasks are traced: what they held is what the station was busy, but for those in flight when the run ends.

    At most 40 hold it then, each for a second and less, of some 600 s; so much of the calls may differ, too.
    """
    web = service(use("30 ms"), {"call": "shop.do", "timeout": "200 ms", "on_timeout": "continue"}, servers=5)
    web["stations"]["workers"] = {"servers": 40}
    web["endpoints"]["do"]["hold"] = "workers"
    shop = service({"use": "cpu", "time": {"exponential": "80 ms"}}, servers=9)
    mapping = platform(every="10 ms", web=web, shop=shop)
    ds, spans = traced({**mapping, "until": "60 s"}, tmp_path)
    (found,) = held_times(ds, spans)
    assert found.shares.total_ns / 1e9 == pytest.approx(found.held_s, abs=40)
    waited = float(ds["call_time"].sel(call="web.do>shop.do").sum())
    call = HeldFor("call", "web.do>shop.do")
    assert found.shares.parts_ns[call] / 1e9 == pytest.approx(waited, abs=1e-6 * waited + 40 * 0.2)
    assert found.mean_held == pytest.approx(found.held_s / 60)


def test_queueing_for_the_station_itself_is_not_holding_it(tmp_path: Path) -> None:
    web = service(use("90 ms"), servers=20)
    web["stations"]["workers"] = {"servers": 2}
    web["endpoints"]["do"]["hold"] = "workers"
    (found,) = held_times(*traced(platform(every="40 ms", web=web), tmp_path))
    assert found.shares.share(HeldFor("work")) == pytest.approx(1, abs=1e-6)


def test_a_station_that_is_held_for_some_steps_says_so(tmp_path: Path) -> None:
    web = service({"hold": "workers", "do": [use("30 ms")]})
    web["stations"]["workers"] = {"servers": 4}
    (found,) = held_times(*traced(platform(web=web), tmp_path))
    assert found.partly
    assert found.shares.count == 0
    assert found.held_s > 0


def test_nothing_is_held(tmp_path: Path) -> None:
    assert held_times(*traced(platform(web=service(use("1 ms"))), tmp_path)) == []
