"""Rankings of causes from a run whose numbers can be added up by head."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from small_run import LABELS, make_run, place, recorded_run

from sfmodel.cli import main
from sfmodel.diagnosis import by_endpoint, troubles
from sfmodel.diagnosis.table import troubles_table
from sfmodel.errors import NotInRunError


def edit(k: int, values: dict[str, Any]) -> None:
    """In each window ten puts fail for the disks, five gets for the limiter; from the third on five more for the network.

    Web's puts and gets are where requests enter; what fails in the shop is a part of that.
    """
    get, put, search = (place("endpoint", name) for name in ("web.get", "web.put", "shop.search"))
    causes = values["endpoint_causes"]
    causes[put, place("cause", "shop.disk")] = 10
    causes[get, place("cause", "web.clients (limiter)")] = 5
    causes[get, place("cause", "network")] = 5 if k >= 2 else 0
    causes[search, place("cause", "shop.disk")] = 100
    values["endpoint_cause_time"][put, place("cause", "shop.disk")] = 30.0
    values["endpoint_cause_time"][get, place("cause", "shop.cpu")] = 10.0
    values["station_servers"][:] = [4, 1, 1]
    values["station_busy"][:] = [36, 9, 7]
    values["station_queue"][:] = [0, 20, 40]
    values["station_arrivals"][:] = [50, 50, 50]
    values["station_rejected"][:] = [0, 4, 6]
    values["limiter_passed"][:], values["limiter_refused"][:] = 15, 5


def test_the_failures_of_a_table_add_up_to_all() -> None:
    """Of a thousand that fail for the disks one fails for the network: too few for a line of their own."""

    def much(k: int, values: dict[str, Any]) -> None:
        put, causes = place("endpoint", "web.put"), values["endpoint_causes"]
        causes[put, place("cause", "shop.disk")] = 1000
        causes[put, place("cause", "network")] = 1
        values["endpoint_cause_time"][put, place("cause", "shop.disk")] = 1000.0

    table = troubles_table(troubles(make_run(6, much)))
    cells = dict(zip(table.columns[0].cells, table.columns[1].cells, strict=True))
    assert cells == {"shop.disk": "6,000", "others": "6"}


def test_causes_are_ranked_by_what_comes_from_them() -> None:
    found = {one.cause: one for one in troubles(make_run(6, edit))}
    assert list(found)[:3] == ["shop.disk", "web.clients (limiter)", "network"]
    assert set(found) == set(LABELS["cause"])
    disk = found["shop.disk"]
    assert (disk.failures, disk.failure_share, disk.time_share) == (60, 60 / 110, 0.75)
    assert (disk.busy, disk.waiting, disk.refused) == pytest.approx((16 / 20, 6.0, 10 / 100))
    assert found["web.clients (limiter)"].refused == 0.25
    assert found["shop.cpu"].busy == pytest.approx(0.9)
    assert math.isnan(found["network"].busy)
    assert sum(one.failure_share for one in found.values()) == pytest.approx(1)


def test_of_each_endpoint_where_requests_enter() -> None:
    failures = by_endpoint(make_run(6, edit))
    assert failures == {
        "web.get": {"web.clients (limiter)": 30, "network": 20}, "web.put": {"shop.disk": 60},
    }  # fmt: skip


def test_of_some_windows() -> None:
    ds = make_run(6, edit)
    first_two = ds["time"].values < ds["time"].values[2]
    assert by_endpoint(ds, first_two)["web.get"] == {"web.clients (limiter)": 10}


def test_a_run_without_failures_has_no_shares() -> None:
    found = troubles(make_run(2))
    assert all(one.failures == 0 and math.isnan(one.failure_share) for one in found)


def test_a_run_of_an_older_version_is_a_sentence() -> None:
    with pytest.raises(NotInRunError, match="made by an older version; make it again"):
        troubles(make_run(2, edit).drop_vars("endpoint_causes"))


@pytest.fixture
def run_there(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recorded_run("storm", 6, edit)


@pytest.mark.usefixtures("run_there")
def test_the_command_shows_both_rankings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "storm"]) == 0
    printed = capsys.readouterr().out
    disk = next(line for line in printed.splitlines() if line.strip().startswith("shop.disk"))
    assert disk.split()[1:4] == ["60", "54.5", "%"]
    assert "shop.cpu" in printed  # busy, though no failure comes from it
    assert "60.0 % web.clients (limiter), 40.0 % network" in " ".join(printed.split())


@pytest.mark.usefixtures("run_there")
def test_the_command_as_json_of_some_hours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "storm", "--hours", "20:00:00", "20:00:20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["endpoints"]["web.get"] == {"web.clients (limiter)": 10}
    assert found["causes"][0]["cause"] == "shop.disk"


@pytest.mark.usefixtures("run_there")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hours", "8 o'clock", "9:00"], "--hours: "),
        (["--hours", "08:00", "09:00"], "nothing between 08:00 and 09:00; it was measured 20:00 to 20:01"),
        (["--period", "peek"], "no period 'peek'"),
        (["--period", "whole", "--hours", "20:00", "20:01"], "leave one of them out"),
    ],
)
def test_a_period_that_is_not_there_is_a_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", "storm", *words]) == 2
    assert said in capsys.readouterr().err
