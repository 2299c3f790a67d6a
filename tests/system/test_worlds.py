"""Runs that go on from a world which they have in common with others are those from the beginning, to the bit."""

from __future__ import annotations

import fcntl
import shutil
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.platforms import random_runs
from support import simulated

from sfmodel.cli.compose import composed
from sfmodel.engine import Simulation, simulate
from sfmodel.errors import RunError
from sfmodel.plan import build_plan
from sfmodel.results.variables import VARIABLES
from sfmodel.schema import parse_run
from sfmodel.worlds import KeptWorld, common_world, kept, restore, room
from sfmodel.worlds.keys import key_of
from sfmodel.worlds.room import make_room, to_make

from .bits import Windows, assert_same_bits, windows_of
from .test_invariance import ALL_AT_ONCE
from .test_switching import MUCH, switched

SOME = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
Mapping = dict[str, Any]

BURST: Mapping = {**ALL_AT_ONCE, "platform": {**ALL_AT_ONCE["platform"], "sources": {
    "crowd": {"call": "a.get", "at": ["2 s", "6.5 s"], "batch": 20, "user": "random"},
    "steady": {"call": "b.get", "rate": "4/s"},
    "ticks": {"call": "b.get", "every": "0.7 s"},
}}}  # fmt: skip


def gone_on(mapping: Mapping, times_s: list[float], folder: Path) -> tuple[Simulation, Windows]:
    """The run from the last of its worlds at these times."""
    run = parse_run(mapping)
    world = common_world(run, times_s, folder)
    assert world is not None
    simulation = restore(run, build_plan(run), world)
    windows: Windows = []
    simulate(simulation, lambda k, end_s, values: windows.append({n: np.array(v) for n, v in values.items()}))
    return simulation, windows


def assert_same_results(found: Windows, expected: Windows) -> None:
    """Assert that the datasets of two runs are the same, to the bit."""
    assert_same_bits(as_recorded(found), as_recorded(expected))


def as_recorded(windows: Windows) -> Windows:
    return [
        {
            name: np.asarray(value, VARIABLES[name].dtype if name in VARIABLES else float)
            for name, value in window.items()
        }
        for window in windows
    ]


@pytest.mark.parametrize("times_s", [[0.0], [1.0], [3.0], [5.0], [2.0, 4.0], [3.0, 7.0]], ids=str)
@pytest.mark.parametrize("mapping", [ALL_AT_ONCE, BURST, switched(ALL_AT_ONCE, MUCH), switched(BURST, MUCH, 4.0)])
def test_a_run_goes_on_to_the_bit(mapping: Mapping, times_s: list[float], tmp_path: Path) -> None:
    assert_same_results(gone_on(mapping, times_s, tmp_path)[1], windows_of(mapping))


@pytest.mark.parametrize("others", [[[2.0, 6.0]], [[4.0], [1.0, 4.0]], [[1.0, 2.0, 4.0, 6.0], [6.0]]], ids=str)
def test_runs_that_part_at_other_times_keep_worlds_in_one_folder(others: list[list[float]], tmp_path: Path) -> None:
    for times_s in (*others, [4.0, 6.0]):
        assert_same_results(gone_on(BURST, times_s, tmp_path)[1], windows_of(BURST))


@SOME
@given(mapping=random_runs(), time_s=st.integers(1, 9))
def test_random_runs_go_on_to_the_bit(mapping: Mapping, time_s: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = parse_run(mapping)
    at_s = run.start + run.window * time_s
    if at_s < run.until:
        assert_same_results(gone_on(mapping, [at_s], tmp_path_factory.mktemp("worlds"))[1], windows_of(mapping))


LONG: Mapping = {**BURST, "until": "18 s"}

LATER: dict[str, Mapping] = {
    "an event": {"scenario": {"events": [*ALL_AT_ONCE["scenario"]["events"], {"at": "5 s", "set": {"services.b.down": [1]}}]}},
    "another demand": {"scenario": {"events": [
        *ALL_AT_ONCE["scenario"]["events"], {"at": "5.3 s", "for": "1.1 s", "scale": {"demand.level": 3}}]}},
    "a source that slows down": {"scenario": {"events": [
        *ALL_AT_ONCE["scenario"]["events"], {"at": "5.3 s", "scale": {"sources.steady.rate": 0.1, "sources.ticks.every": 0.5}}]}},
    "arrivals to come": {"platform": {**BURST["platform"], "sources": {
        "first": {"call": "b.get", "at": ["5 s", "6 s"], "batch": 4}, **BURST["platform"]["sources"]}}},
    "other arrivals to come": {"platform": {**BURST["platform"], "sources": {
        **BURST["platform"]["sources"], "crowd": {**BURST["platform"]["sources"]["crowd"], "at": ["2 s", "5.5 s", "6 s"]}}}},
    "a burst to come": {"platform": {**BURST["platform"], "sources": {
        **BURST["platform"]["sources"], "late": {"call": "a.get", "spikes": [{"at": "6 s", "count": 30, "for": "1 s"}]}}}},
    "interventions": switched(LONG, MUCH, 5.0),
    "interventions, somewhat later": switched(LONG, MUCH, 6.7),
    "a longer run": {"until": "20 s"},
}  # fmt: skip
"""What differs from BURST after 5 s."""


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Worlds of BURST at 2 s and at 5 s."""
    folder = tmp_path_factory.mktemp("worlds")
    common_world(parse_run(LONG), [2.0, 5.0], folder)
    return folder


@pytest.mark.parametrize("what", LATER)
def test_runs_that_differ_later_go_on_from_one_world(what: str, worlds: Path) -> None:
    mapping = {**LONG, **LATER[what]}
    there = sorted(worlds.iterdir())

    simulation, found = gone_on(mapping, [2.0, 5.0], worlds)

    assert sorted(worlds.iterdir()) == there
    assert simulation.restored_s == 5.0
    expected = windows_of(mapping)
    assert_same_results(found, expected)
    plain = windows_of(LONG)
    arrivals = [window["endpoint_arrivals"][:3].tolist() for window in expected]
    assert arrivals[:5] == [window["endpoint_arrivals"].tolist() for window in plain[:5]]
    assert arrivals != [window["endpoint_arrivals"].tolist() for window in plain]


@pytest.mark.parametrize(
    "earlier",
    [
        {"seed": 2},
        {"start": "1 s"},
        {"users": 41},
        {"window": "0.5 s"},
        {"demand": {"level": 1.01}},
        {"trace": {"one_in": 5}},
        {"scenario": {"events": [{"at": "4.9 s", "set": {"services.b.down": [1]}}]}},
        switched(BURST, {"services.a.stations.cpu.servers": 3}, 4.9),
        {"platform": {**BURST["platform"], "network": "2 ms"}},
    ],
)
def test_runs_that_differ_earlier_do_not(earlier: Mapping) -> None:
    assert key_of(parse_run({**BURST, **earlier}), 5.0) != key_of(parse_run(BURST), 5.0)


@pytest.mark.parametrize("same", [{"name": "x"}, {"tick": "2 ms"}, {"replications": 2}, {"processes": 1}])
def test_how_a_run_is_made_makes_no_other_world(same: Mapping) -> None:
    assert key_of(parse_run({**BURST, **same}), 5.0) == key_of(parse_run(BURST), 5.0)


def test_interventions_to_come_make_no_other_world_of_the_case_study() -> None:
    plain, changed = (
        parse_run(composed(["switch_on='19:30'", f"intervention=[{names}]"])) for names in ("", "breakers,vector_cache")
    )
    assert key_of(changed, 19.5 * 3600) == key_of(plain, 19.5 * 3600)
    assert key_of(changed, 19.6 * 3600) != key_of(plain, 19.6 * 3600)


def test_scenarios_to_come_make_no_other_world_of_the_case_study() -> None:
    keys = {
        key_of(parse_run(composed([f"scenario={name}"])), 17.5 * 3600)
        for name in (
            "none",
            "f1_llm_rate_limit",
            "f4_engine_half",
            "s1_viral_upload",
            "s2_upload_spike",
            "s3_worst_evening",
        )
    }
    assert len(keys) == 1


def test_traces_go_on(tmp_path: Path) -> None:
    mapping = {**switched(BURST, MUCH, 4.0), "trace": {"one_in": 2}}
    whole = simulated(mapping)[0]

    gone = gone_on(mapping, [3.0, 6.0], tmp_path)[0]

    assert len(whole.spans) > 100
    for field in whole.spans.dtype.names:
        np.testing.assert_array_equal(gone.spans[field], whole.spans[field], err_msg=field)
    assert (gone.events, gone.requests, gone.counter_totals) == (whole.events, whole.requests, whole.counter_totals)


def test_a_world_that_was_not_finished_is_made_again(tmp_path: Path) -> None:
    run = parse_run(BURST)
    partial = tmp_path / (key_of(run, 3.0) + ".partial")
    partial.mkdir()
    (partial / "clock.npy").write_bytes(b"half")

    assert_same_results(gone_on(BURST, [3.0], tmp_path)[1], windows_of(BURST))
    assert not partial.exists()


@pytest.mark.parametrize("file", ["tasks.npy", "user_rows.npy", "world.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_world_that_was_damaged_is_named(file: str, damage: str, tmp_path: Path) -> None:
    world = common_world(parse_run(BURST), [3.0], tmp_path)
    assert world is not None
    path = world.folder / file
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(RunError, match=f"{file} is damaged; remove {world.folder}"):
        restore(parse_run(BURST), build_plan(parse_run(BURST)), world)


def test_of_two_who_want_a_world_one_makes_it(tmp_path: Path) -> None:
    run = parse_run(BURST)
    made, said = [], []
    begun = threading.Barrier(2)

    def make(simulation: Simulation, observe: Any, until_s: float) -> None:
        made.append(until_s)
        deadline = time.monotonic() + 30
        while not said and time.monotonic() < deadline:  # until the other has come
            time.sleep(0.01)
        simulate(simulation, observe, until_s=until_s)

    def want() -> KeptWorld | None:
        begun.wait()
        return common_world(run, [3.0], tmp_path, make, said.append)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(want), pool.submit(want)
        assert first.result() == second.result()
    assert made == [3.0]
    assert len(said) == 1
    assert "another run makes the world" in said[0]


def test_who_waits_for_a_world_has_it_while_its_maker_goes_on_from_it(tmp_path: Path) -> None:
    elsewhere = common_world(parse_run(BURST), [3.0], tmp_path / "elsewhere")
    assert elsewhere is not None
    world = tmp_path / "worlds" / elsewhere.folder.name
    maker = to_make(world)
    assert maker is not None
    said = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(common_world, parse_run(BURST), [3.0], world.parent, None, lambda _: said.set())
        assert said.wait(30)
        shutil.copytree(elsewhere.folder, world)
        maker.take(fcntl.LOCK_SH)  # as who goes on from what it made
        try:
            assert other.result(30) is not None
        finally:
            maker.close()


def test_times_outside_of_the_run_have_no_world(tmp_path: Path) -> None:
    assert common_world(parse_run(BURST), [8.0, 100.0, -5.0], tmp_path) is None
    assert not list(tmp_path.iterdir())


TIMES = (2.0, 3.0, 4.0, 5.0, 6.0)


def bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def times_kept(folder: Path) -> set[float]:
    """Times of BURST whose worlds are there."""
    run = parse_run(BURST)
    return {at_s for at_s in TIMES if (folder / key_of(run, at_s) / "world.json").exists()}


def test_beyond_the_limit_the_longest_unused_world_goes(tmp_path: Path) -> None:
    common_world(parse_run(BURST), [2.0], tmp_path)
    one = bytes_of(tmp_path)
    run = parse_run({**BURST, "worlds_limit": f"{3.5 * one} B"})
    said: list[str] = []

    for at_s in (3.0, 4.0, 2.0, 5.0):  # that of 3 s is then the one longest unused
        common_world(run, [at_s], tmp_path, say=said.append)

    assert times_kept(tmp_path) == {2, 4, 5}
    assert bytes_of(tmp_path) <= 3.5 * one
    assert len(said) == 1
    assert "1 worlds" in said[0]


def test_a_world_that_is_held_does_not_go(tmp_path: Path) -> None:
    run = parse_run({**BURST, "worlds_limit": "1 B"})
    held = common_world(run, [2.0], tmp_path)
    assert held is not None
    plan = build_plan(run)
    common_world(run, [3.0], tmp_path)
    common_world(run, [4.0], tmp_path)
    assert times_kept(tmp_path) == {2, 4}

    simulation = restore(run, plan, held)
    del held  # its windows are still to be read
    common_world(run, [5.0], tmp_path)
    assert times_kept(tmp_path) == {2, 5}
    windows: Windows = []
    simulate(simulation, lambda k, end_s, values: windows.append({n: np.array(v) for n, v in values.items()}))
    assert_same_results(windows, windows_of(BURST))

    common_world(run, [6.0], tmp_path)
    assert times_kept(tmp_path) == {6}


def test_what_a_killed_process_left_goes_first(tmp_path: Path) -> None:
    run = parse_run({**BURST, "worlds_limit": "1 GB"})
    common_world(run, [2.0], tmp_path)
    left = tmp_path / (key_of(run, 3.0) + ".partial")
    left.mkdir()
    (left / "tasks.npy").write_bytes(bytes(2 * bytes_of(tmp_path)))

    limit = bytes_of(tmp_path)
    common_world(parse_run({**BURST, "worlds_limit": f"{limit} B"}), [4.0], tmp_path)

    assert not left.exists()
    assert times_kept(tmp_path) == {2, 4}


@pytest.mark.parametrize("left", ["a folder without facts", "a world that is half removed"])
def test_a_world_is_made_again_where_a_removal_was_killed(
    left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = parse_run(BURST)
    world = tmp_path / key_of(run, 3.0)
    if left == "a folder without facts":
        world.mkdir()
        (world / "clock.npy").write_bytes(b"half")
    else:
        common_world(run, [3.0], tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", lambda path, **how: (path / "tasks.npy").unlink(missing_ok=True))
            make_room(tmp_path, 1, 0)  # as if it was killed soon after it had begun

    assert_same_results(gone_on(BURST, [3.0], tmp_path)[1], windows_of(BURST))
    make_room(tmp_path, 0, 1e9)
    assert sorted(path.name for path in tmp_path.iterdir()) == [world.name, f"{world.name}.lock"]


def test_of_two_who_want_room_the_second_finds_a_world_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first removes it when the second has seen its files, and when it has measured them."""
    for moment in ("_size", "_last_used"):
        world = tmp_path / moment
        world.mkdir()
        (world / "world.json").touch()
        real = getattr(room, moment)
        seen: list[Path] = []

        def after_the_other(path: Path, real: Any = real, seen: list[Path] = seen) -> Any:
            seen.append(path)
            room.take_away(path)
            return real(path)

        monkeypatch.setattr(room, moment, after_the_other)
        make_room(tmp_path, 1, 0)
        monkeypatch.undo()
        assert seen == [world]
        assert not world.exists()


def test_half_of_the_free_room_is_taken_where_no_limit_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at_s, free in ((2.0, 10**9), (3.0, 10**9), (4.0, 10)):
        monkeypatch.setattr("shutil.disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        common_world(parse_run(BURST), [at_s], tmp_path)
        if at_s == 3.0:
            assert times_kept(tmp_path) == {2, 3}
    assert times_kept(tmp_path) == {4}


def test_rows_that_want_more_room_are_read_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_ROWS_AT_ONCE", 1000)
    narrow = np.arange(50_007 * 3, dtype=np.uint64).reshape(-1, 3)
    np.save(tmp_path / "rows.npy", narrow)
    tracemalloc.start()
    try:
        wide = kept._read_rows(tmp_path / "rows.npy", (50_007, 8))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert np.array_equal(wide[:, :3], narrow)
    assert not wide[:, 3:].any()
    assert peak < wide.nbytes + 0.2 * narrow.nbytes
