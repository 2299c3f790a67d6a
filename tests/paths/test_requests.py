"""Which requests take a path, on spans made by hand; what is measured of them; what is wrong in a file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml
from small_run import make_run
from traced_requests import request, span

from sfmodel.errors import ConfigError, RunError, RunNotFoundError
from sfmodel.paths import RequestPath, Requests, read_paths
from sfmodel.paths.requests import read_spans
from sfmodel.rows import Rows, measure_rows

EIGHT = 72000.0


def path(**keys) -> RequestPath:
    return RequestPath.model_validate({"title": "t", "request": "web.get", "steps": [{"say": "hello"}], **keys})


def calls(*names: str) -> list[dict]:
    return [{"say": "x", "call": name} for name in names]


SPANS = [
    *request("a", EIGHT, 0.3, span("web.get>shop.search", 0.0, 0.1), span("shop.search>cache.get", 0.05, 0.02)),
    *request("b", EIGHT + 60, 0.5, span("web.get>shop.search#2", 0.1, 0.2), span("web.get>cache.get", 0.05, 0.01)),
    *request("c", EIGHT + 3600, 0.9, span("web.get>shop.search", 0.0, 0.4, outcome="timeout"), outcome="timeout"),
    *request("d", EIGHT + 86400, 0.7, span("web.get>shop.search", 0.2, 0.4)),
    *request("e", EIGHT, 0.1, endpoint="put"),
]


def taking(**keys) -> list[str]:
    return Requests(pl.DataFrame(SPANS), {}).taking(path(**keys))["trace"].to_list()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["a", "b", "d", "c"]),  # the quickest first
        ({"request": "web.put"}, ["e"]),
        ({"outcome": "ok"}, ["a", "b", "d"]),
        ({"steps": calls("web.get>shop.search")}, ["a", "b", "d", "c"]),  # all call sites of that name
        ({"steps": calls("web.get>shop.search#2")}, ["b"]),
        ({"steps": calls("*>cache.get")}, ["a", "b"]),
        ({"steps": calls("web.get>shop.search", "web.get>cache.get")}, ["b"]),
        ({"without": ["*>cache.get"]}, ["d", "c"]),
        ({"steps": [{"say": "x", "call": "*>shop.search", "outcome": "timeout"}]}, ["c"]),
        ({"steps": [{"say": "x", "call": "*>shop.search", "attempt": 1}]}, []),
        ({"steps": [{"say": "x", "call": "*>shop.search", "lasts": "0.3 s"}]}, ["d", "c"]),
        ({"steps": [{"say": "x", "own": "*>shop.search", "lasts": "0.3 s"}]}, ["d", "c"]),
        ({"steps": [{"say": "x", "call": "*>shop.search", "lasts": "0.5 s"}]}, []),
        ({"steps": calls("web.get>shop.serch")}, []),
    ],
)
def test_requests_that_take_a_path(keys, expected):
    assert taking(**keys) == expected


def test_the_first_span_of_a_call_is_meant():
    first, second, again = span("web.get>s.x", 0.1, 0.2), span("web.get>s.y", 0.3, 0.1), span("web.get>s.x", 0.5, 0.3)
    spans = request("a", EIGHT, 1.0, again, first, second)
    found = Requests(pl.DataFrame(spans), {}).taking(path(steps=calls("web.get>s.x", "web.get>s.y")))
    row = found.row(0, named=True)
    assert row["total_s"] == pytest.approx(1.0)
    assert [row[name] for name in ("start_0", "start_1")] == pytest.approx([EIGHT + 0.1, EIGHT + 0.3])
    assert [row[name] for name in ("time_0", "time_1")] == pytest.approx([0.2, 0.1])


def test_hours_are_of_every_day_and_the_end_is_left_out():
    requests = Requests(pl.DataFrame(SPANS), {})
    assert requests.within_hours(EIGHT, EIGHT + 60).spans["trace"].unique().sort().to_list() == ["a", "d", "e"]
    assert requests.within_hours(EIGHT + 60, EIGHT).spans["trace"].unique().sort().to_list() == ["b", "c"]


def test_rows_of_single_requests():
    paths = {"found": path(outcome="ok", steps=calls("*>shop.search", "*>cache.get"))}
    row = {"title": "t", "unit": "s", "at_least": "1 ms", "period": "evening"}
    rows = Rows.model_validate({
        "periods": {"evening": ["20:00", "21:00"], "night": ["21:00", "22:00"]},
        "rows": [
            {**row, "id": "total", "measure": "request_time(found)"},
            {**row, "id": "step", "measure": "step_time(found, '*>cache.get')"},
            {**row, "id": "order", "measure": "in_order(found)", "take": "mean", "unit": "share", "at_least": 1},
            {**row, "id": "night", "measure": "request_time(found)", "period": "night"},
        ],
    })  # fmt: skip
    ds = make_run(720)  # two hours from 20:00
    found = measure_rows(ds, rows, requests=Requests(pl.DataFrame(SPANS), paths))
    assert found["total"].value == pytest.approx(0.4)  # of 0.3 and 0.5
    assert found["step"].value == pytest.approx(0.015)  # of 20 and 10 ms
    assert found["order"].value == pytest.approx(0.5)  # b reads the cache before it searches
    assert found["order"].met is False
    assert found["night"].value is None
    assert {one.value for one in measure_rows(ds, rows).values()} == {None}


def test_a_path_or_a_call_that_is_not_there_is_a_sentence():
    requests = Requests(pl.DataFrame(SPANS), {"found": path(steps=calls("*>cache.get"))})
    for measure, expected in (
        ("request_time(fuond)", "there is no path 'fuond'; did you mean 'found'?"),
        ("step_time(found, '*>cache.gett')", "path 'found' has no call '*>cache.gett'; did you mean '*>cache.get'?"),
    ):
        rows = Rows.model_validate({"rows": [{"id": "A", "title": "t", "measure": measure, "above": 0}]})
        with pytest.raises(ConfigError) as caught:
            measure_rows(make_run(6), rows, requests=requests)
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"steps": [{"say": "x ({time})"}]}, "unknown name in braces 'time'; valid are: total"),
        ({"steps": [{"say": "x ({tme})", "call": "a"}]}, "unknown name in braces 'tme'; did you mean 'time'?"),
        ({"steps": [{"say": "x ({time)"}]}, "expected a sentence with names in braces"),
        ({"steps": [{"say": "x", "call": "a", "own": "b"}]}, "expected one of call, own and next"),
        ({"steps": [{"say": "x", "outcome": "ok"}]}, "outcome, attempt and abandoned are of a call"),
        ({"steps": [{"say": "x", "call": "a", "outcome": "timeut"}]}, "did you mean 'timeout'?"),
        ({"steps": []}, "expected at least 1 of them"),
        ({"reqest": "a.b"}, "unknown key 'reqest'; did you mean 'request'?"),
    ],
)
def test_a_wrong_file_of_paths_is_a_sentence(tmp_path, keys, expected):
    file = tmp_path / "paths.yaml"
    entry = {"title": "t", "request": "web.get", "steps": [{"say": "hello"}], **keys}
    file.write_text(yaml.safe_dump({"paths": {"p": entry}}))
    with pytest.raises(ConfigError) as caught:
        read_paths(file)
    assert expected in str(caught.value)


def test_no_traces_are_a_sentence(tmp_path):
    with pytest.raises(RunNotFoundError, match=r"run it again, with trace\.one_in=1000"):
        read_spans(tmp_path)
    (tmp_path / "traces.jsonl").write_text('{"trace": "a"')
    with pytest.raises(RunError, match="the file was cut short"):
        read_spans(tmp_path)


def test_the_paths_of_streamflow_are_right():
    found = read_paths(Path(__file__).parents[2] / "conf" / "paths" / "streamflow.yaml")
    assert {"happy", "degraded", "failure"} <= set(found)
