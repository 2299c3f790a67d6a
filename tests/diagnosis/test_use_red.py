"""Utilisation, saturation, errors; rate, errors, duration: of windows whose numbers can be added up by head."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from small_run import TIMEOUT, make_run, place, tasks

from sfmodel.diagnosis.use_red import services_red, stations_use
from sfmodel.errors import NotInRunError


def edit(k: int, values: dict[str, Any]) -> None:
    """Two disks of a server each, the second window's busier; nobody waits for the CPU."""
    disks = [place("station", f"shop.disk#{n}") for n in (0, 1)]
    values["station_servers"][:] = 1
    values["station_busy"][place("station", "shop.cpu")] = 9 if k == 3 else 1
    values["station_busy"][disks] = [10, 8] if k == 1 else [4, 2]
    values["station_queue"][disks] = [30, 10] if k == 1 else [0, 0]
    values["station_queue_max"][disks] = [5, 2] if k == 1 else [0, 0]
    values["station_rejected"][disks] = [3, 1] if k == 2 else [0, 0]
    values["station_expired"][disks] = [0, 2] if k == 1 else [0, 0]
    tasks(values, "endpoint", place("endpoint", "shop.search"), [0.1] * 9 + [2.0], failed=1 if k == 4 else 0)
    tasks(values, "endpoint", place("endpoint", "web.get"), [1.0 if k == 5 else 0.2] * 20)
    values["call_timeouts"][place("call", "web.put>shop.search")] = k


def edited(windows: int = 6, **attrs: Any) -> Any:
    ds = make_run(windows, edit, **attrs)
    return ds.assign(edge_to=("call", ["shop.search"] * 3))


def test_a_station_of_several_replicas() -> None:
    disk = {one.station: one for one in stations_use(edited())}["shop.disk"]
    assert disk.utilisation == pytest.approx((18 + 5 * 6) / 120)
    assert disk.highest_utilisation == pytest.approx(0.9)
    assert disk.waiting == pytest.approx(40 / 60)
    assert disk.saturated == pytest.approx(2 / 6)  # a queue in one, refusals in another window
    assert (disk.refused, disk.gave_up) == (4, 2)
    assert disk.worst_s == 72010
    assert disk.waiting_in.tolist() == [0, 4, 0, 0, 0, 0]
    assert disk.utilisation_in.tolist() == pytest.approx([0.3, 0.9, 0.3, 0.3, 0.3, 0.3])


def test_where_nobody_waits_the_busiest_window_is_the_worst() -> None:
    cpu = {one.station: one for one in stations_use(edited())}["shop.cpu"]
    assert (cpu.worst_s, cpu.saturated) == (72030, 0)


def test_a_window_in_which_servers_come_is_not_the_busiest() -> None:
    """In the third window a server comes at its very end: one was busy for 9 s of 10, not two."""

    def growing(k: int, values: dict[str, Any]) -> None:
        values["station_servers"][:] = 1 if k < 2 else 2
        values["station_busy"][place("station", "shop.cpu")] = [5, 6, 19, 10][k]

    cpu = {one.station: one for one in stations_use(make_run(4, growing))}["shop.cpu"]
    assert cpu.highest_utilisation == pytest.approx(0.6)
    later = {one.station: one for one in stations_use(make_run(4, growing), np.arange(4) >= 2)}["shop.cpu"]
    assert later.highest_utilisation == pytest.approx(0.5)


def test_unlimited_servers_are_never_used_up() -> None:
    def endless(k: int, values: dict[str, Any]) -> None:
        values["station_servers"][:] = np.inf

    assert all(
        math.isnan(one.utilisation) and math.isnan(one.highest_utilisation)
        for one in stations_use(make_run(2, endless))
    )


def test_a_service() -> None:
    found = {one.service: one for one in services_red(edited())}
    shop, web = found["shop"], found["web"]
    assert shop.rate == pytest.approx(1)
    assert shop.failing == pytest.approx(1 / 60)
    assert shop.timed_out == 15
    assert shop.mean_s == pytest.approx(0.29)
    assert shop.p95_s == pytest.approx(2, rel=0.02)
    assert shop.worst_s == 72040  # where one failed
    assert web.worst_s == 72050  # none failed: the slowest
    assert (web.failing, web.timed_out) == (0, 0)
    assert shop.failing_in.tolist() == pytest.approx([0, 0, 0, 0, 0.1, 0])


def test_what_a_caller_cancelled_is_no_failure() -> None:
    def cancelled(k: int, values: dict[str, Any]) -> None:
        values["endpoint_outcomes"][place("endpoint", "shop.search")] = 0
        values["endpoint_outcomes"][place("endpoint", "shop.search"), [0, TIMEOUT, 8]] = [6, 2, 2]

    found = {one.service: one for one in services_red(make_run(3, cancelled))}
    assert found["shop"].failing == pytest.approx(0.25)


def test_of_some_windows() -> None:
    ds = edited()
    first = ds["time"].values < 72020
    disk = {one.station: one for one in stations_use(ds, first)}["shop.disk"]
    assert disk.saturated == pytest.approx(0.5)
    assert disk.time_s.tolist() == [72000, 72010]
    assert {one.service: one for one in services_red(ds, first)}["shop"].timed_out == 1


def test_a_run_without_stations_has_none() -> None:
    ds = make_run(2)
    without = ds.drop_vars([name for name in ds.data_vars if "station" in ds[name].dims]).drop_vars("station")
    assert stations_use(without) == []


def test_a_run_of_an_older_version_is_a_sentence() -> None:
    with pytest.raises(NotInRunError, match="no station_queue_max: it was made by an older version; make it again"):
        stations_use(make_run(2).drop_vars("station_queue_max"))
    with pytest.raises(NotInRunError, match="no endpoint_time: it was made by an older version; make it again"):
        services_red(make_run(2).drop_vars("endpoint_time"))
