"""Requests told as their path tells them, on spans made by hand; which of them stands for the path."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from small_run import make_run, recorded_run
from traced_requests import request, span

from sfmodel.cli import main
from sfmodel.paths import RequestPath, Requests
from sfmodel.paths.telling import choose, tell_path
from sfmodel.results.traces import NoSuchRequestError

EIGHT = 72000.0


def path(*steps: dict, **keys) -> RequestPath:
    return RequestPath.model_validate({"title": "A path", "request": "web.get", "steps": [*steps], **keys})


def requests(*spans: dict) -> Requests:
    return Requests(pl.DataFrame(list(spans)), {})


def told(steps: list[dict], *spans: dict, ds=None) -> list[str]:
    return tell_path(requests(*spans), path(*steps), "a", make_run() if ds is None else ds)


def test_calls_own_work_and_the_whole():
    steps = [
        {"say": "User → Web"},
        {"say": "Web → Shop ({time}, {queued} queued)", "call": "web.get>shop.search"},
        {"say": "Shop works ({served})", "own": "web.get>shop.search"},
        {"say": "Done in {total}"},
    ]
    search = span("web.get>shop.search", 0.01, 0.2, queued_s=0.05, served_s=0.12)
    assert told(steps, *request("a", EIGHT, 0.25, search), *request("b", EIGHT, 9.0)) == [
        "1. User → Web", "2. Web → Shop (200 ms, 50 ms queued)", "3. Shop works (120 ms)", "4. Done in 250 ms",
    ]  # fmt: skip


def test_a_caller_that_gave_up_waited_until_its_next_call_or_the_end_of_the_request():
    first = span("web.get>auth.check", 0.0, 5.0, zombie=True)
    second = span("web.get>auth.check", 1.0, 5.0, zombie=True, attempt=1)
    third = span("web.get>shop.search", 2.0, 30.0, zombie=True)
    steps = [
        {"say": "{waited} {time}", "call": "*>auth.check", "attempt": 0, "abandoned": True},
        {"say": "{waited}", "call": "*>auth.check", "attempt": 1},
        {"say": "{waited}", "call": "*>shop.search"},
    ]
    spans = request("a", EIGHT, 4.5, first, second, third, outcome="timeout")
    assert told(steps, *spans) == ["1. 1 s 5 s", "2. 1 s", "3. 2.5 s"]


def test_a_reply_travels_as_long_as_its_request():
    search = span("web.get>shop.search", 0.0, 0.15, arrived_s=0.1)
    steps = [{"say": "{time} {waited}", "call": "*>shop.search"}]
    assert told(steps, *request("a", EIGHT, 0.25, search)) == ["1. 250 ms 250 ms"]


def test_the_users_next_request():
    step = {"say": "User tries again {after} later ({time})", "next": "web.get"}
    first = request("a", EIGHT, 1.0, outcome="timeout")
    again = request("b", EIGHT + 3.0, 0.5)
    elsewhere = request("c", EIGHT + 2.0, 0.5, endpoint="put")
    other = request("d", EIGHT + 1.5, 0.5, user=6)
    assert told([step], *first, *again, *elsewhere, *other) == ["1. User tries again 2 s later (500 ms)"]
    assert told([{**step, "within": "1 s"}], *first, *again) == ["1. User tries again some time later (–) (not traced)"]
    assert told([step], *first, *other) == ["1. User tries again some time later (–) (not traced)"]


def test_numbers_of_the_run_are_those_of_the_window_in_which_the_request_ended():
    def edit(k, values):
        values["cost"][...] = 10 * k
        values["station_servers"][:], values["station_busy"][:] = 1, [k, 0, 0]

    shows = {"cost": {"measure": "cost"}, "busy": {"measure": "busy(station[shop.cpu])", "unit": "share"}}
    step = {"say": "{cost} dollars, CPU {busy}", "shows": shows}
    ds = make_run(6, edit)
    assert told([step], *request("a", EIGHT + 15, 7.0), ds=ds) == ["1. 20 dollars, CPU 20.0 %"]
    assert told([step], *request("a", EIGHT + 55, 7.0), ds=ds) == ["1. – dollars, CPU –"]


def test_the_request_nearest_the_median_stands_for_the_path():
    spans = [one for name, time_s in (("a", 0.2), ("b", 0.9), ("c", 0.3)) for one in request(name, EIGHT, time_s)]
    found = choose(requests(*spans), path({"say": "x"}))
    assert (found.trace, found.every, found.median_s) == ("c", ["a", "c", "b"], pytest.approx(0.3))


def test_those_in_order_and_those_with_a_next_request_come_first():
    steps = [{"say": "x", "call": "web.get>s.x"}, {"say": "y", "call": "web.get>s.y"}]
    wrong = request("a", EIGHT, 1.0, span("web.get>s.x", 0.5, 0.1), span("web.get>s.y", 0.2, 0.1))
    right = request("b", EIGHT, 9.0, span("web.get>s.x", 0.2, 0.1), span("web.get>s.y", 0.5, 0.1))
    third = request("c", EIGHT, 1.0, span("web.get>s.x", 0.5, 0.1), span("web.get>s.y", 0.2, 0.1))
    assert choose(requests(*wrong, *right, *third), path(*steps)).trace == "b"
    followed = [*request("a", EIGHT, 1.0), *request("b", EIGHT, 5.0, user=7), *request("c", EIGHT + 6, 1.0, user=7)]
    assert choose(requests(*followed), path({"say": "z", "next": "web.get"})).trace == "b"


def test_only_the_hours_of_the_path_count():
    spans = [*request("a", EIGHT, 1.0), *request("b", EIGHT - 3600, 2.0)]
    assert choose(requests(*spans), path({"say": "x"}, hours=["19:00", "20:00"])).trace == "b"
    with pytest.raises(NoSuchRequestError, match="no traced request took the path 'A path'"):
        choose(requests(*spans), path({"say": "x"}, hours=["10:00", "11:00"]))


# The command


@pytest.fixture
def sfmodel(tmp_path, monkeypatch, capsys):
    """runs/tiny with two traced requests, a platform with one path, and the command."""
    monkeypatch.chdir(tmp_path)
    folder = recorded_run("tiny", 6, platform="shop", config={"trace": {"one_in": 5000}})
    spans = [*request("aa", EIGHT, 0.2, span("web.get>shop.search", 0.01, 0.1)), *request("bb", EIGHT, 0.4)]
    (folder / "traces.jsonl").write_text("".join(json.dumps(one) + "\n" for one in spans))
    kept = {"endpoint": "web.get", "outcome": "ok"}
    lines = [{**kept, "request": "aa", "duration_s": 0.2}, {**kept, "request": "bb", "duration_s": 0.4}]
    (folder / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    steps = [{"say": "Web → Shop ({time})", "call": "web.get>shop.search"}, {"say": "Done ({total})"}]
    entry = {"title": "Searching", "request": "web.get", "steps": steps}
    Path("conf/paths").mkdir(parents=True)
    others = {
        "late": {**entry, "hours": ["23:00", "24:00"]},
        "posting": {**entry, "title": "Posting", "request": "web.put", "hours": ["20:00", "23:00"]},
    }
    Path("conf/paths/shop.yaml").write_text(yaml.safe_dump({"paths": {"searching": entry, **others}}))

    def call(*words: str) -> tuple[int, str, str]:
        status = main(("trace", "tiny", *words))
        output, complaints = capsys.readouterr()
        return status, output, complaints

    return call


def test_a_path_is_told(sfmodel):
    status, output, _ = sfmodel("--path", "searching")
    assert status == 0
    assert output.splitlines() == [
        "Searching",
        "1. Web → Shop (100 ms)",
        "2. Done (200 ms)",
        "Request aa to web.get at 20:00:00.000, user 5; 1 traced request took this path, median 200 ms",
    ]


def test_a_request_is_told_by_its_identifier_and_by_its_speed(sfmodel):
    assert "1. User → Web: get" in sfmodel("--path", "bb")[1]
    assert "Total: 400 ms" in sfmodel("--path", "slow")[1]


def test_the_beginning_of_two_identifiers_is_not_enough(sfmodel):
    kept = Path("runs/tiny/requests.jsonl")
    kept.write_text(kept.read_text().replace('"bb"', '"ab"'))
    assert sfmodel("--path", "a")[2] == "sfmodel: 2 traced requests of tiny begin with 'a'; give more of it\n"


def test_export_of_all_and_of_one(sfmodel):
    assert "3 spans written to all.json" in sfmodel("--otlp", "all.json")[1]
    assert "2 spans written to one.json" in sfmodel("--otlp", "one.json", "--path", "searching")[1]
    assert "1 spans written to other.json" in sfmodel("--otlp", "other.json", "--path", "bb")[1]
    assert "3 spans written to these.json" in sfmodel("--otlp", "these.json", "--endpoint", "web.get")[1]
    assert (
        "to web.put was traced; this run traced one request" in sfmodel("--otlp", "no.json", "--endpoint", "web.put")[2]
    )
    assert (
        "nowhere/no.json cannot be written: no such file or directory; make its folder first"
        in sfmodel("--otlp", "nowhere/no.json")[2]
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--path", "serching"], "no traced request 'serching' in tiny; did you mean 'searching'?"),
        (
            ["--path", "late"],
            "no traced request took the path 'Searching'; this run traced one request in 5,000 from 20:00 to 20:01, "
            "and the path is one of 23:00 to 24:00: run those hours, with start=23:00 until=24:00",
        ),
        (
            ["--path", "posting"],
            "no traced request took the path 'Posting'; this run traced one request in 5,000 from 20:00 to 20:01: "
            "trace more of them, with a smaller trace.one_in, or run longer",
        ),
        (
            ["--path", "failed"],
            "no traced request of tiny took the path 'failed'; this run traced one request in 5,000 from 20:00 to 20:01: "
            "trace more of them",
        ),
        (["--endpoint", "web.gett"], "trace: --endpoint: there is no endpoint 'web.gett'; did you mean 'web.get'?"),
        (["--endpoint", "web.put"], "no traced request of tiny to web.put took the path 'slow'; this run traced"),
    ],
)
def test_a_request_that_is_not_there_is_a_sentence(sfmodel, words, expected):
    status, _, complaints = sfmodel(*words)
    assert status == 2
    assert expected in complaints


def test_a_request_of_nobody_has_no_user():
    from sfmodel.results.traces import heading

    root = requests(*request("a", EIGHT, 1.0, user=None)).root("a")
    assert heading(root) == "Request a to web.get at 20:00:00.000"
