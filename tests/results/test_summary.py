import io
import json

import pytest
from evening import COUNTERS, LABELS
from rich.console import Console

from sfmodel.results.summary import (
    classes_table,
    format_interval,
    format_value,
    notes,
    possible_figures,
    summarise,
    summary_table,
)  # fmt: skip

PEAK = {"peak_hours": ["20:00", "23:00"], "normal_hours": ["16:00", "19:00"]}


def test_headline_figures_of_the_whole_run_and_of_the_peak(make_run):
    summary = summarise(make_run(12, start_s=20 * 3600 - 60.0, load=lambda t: 3.0 if t >= 72000 else 1.0, **PEAK))
    assert set(summary) == {"run", "classes", "whole", "peak"}  # no window in the normal hours
    assert summary["whole"]["requests"]["value"] == 6 * 2 * 100 + 6 * 2 * 300
    assert summary["peak"]["request_rate"] == {"name": "Requests ended per second", "value": 60.0, "unit": "1/s"}
    assert summary["peak"]["response_mean"]["value"] == pytest.approx(0.34, rel=0.05)
    assert summary["peak"]["failed_timeout"]["value"] == pytest.approx(0.1)
    assert summary["peak"]["hit_rate.engine.recommendations"]["value"] == pytest.approx(0.8)
    assert summary["peak"]["llm_cost"]["unit"] == "USD"
    json.dumps(summary, allow_nan=False)


def test_hours_come_from_the_configuration_too(make_run):
    ds = make_run(3, start_s=72000.0, config={"demand": {"peak_hours": [72000, 82800.0]}})
    assert "peak" in summarise(ds)


def test_without_users_requests_are_those_of_the_endpoints_nobody_calls(make_run):
    labels = {**LABELS, "request": []}
    assert summarise(make_run(2, labels=labels))["whole"]["requests"]["value"] == 200


def test_an_empty_run_has_figures_without_values(make_run):
    whole = summarise(make_run(0))["whole"]
    assert whole["requests"]["value"] == 0
    assert whole["response_p95"]["value"] is None


def test_a_start_up_transient_is_left_out_and_said(make_run):
    load = lambda t: 3.0 if t < 72030 else 1.0  # noqa: E731
    summary = summarise(make_run(12, load=load, transient_s=30.0, **PEAK))
    assert summary["whole"]["requests"]["value"] == 9 * 2 * 100
    assert summary["peak"]["request_rate"]["value"] == 20.0
    assert notes(summary) == ["Left out: the start-up transient, the first 30 s of the run."]
    assert "peak" not in summarise(make_run(3, start_s=82780.0, transient_s=20.0, **PEAK))  # 22:59:40 to 23:00:10


@pytest.mark.parametrize(("refused", "told"), [(0, False), (1, False), (2, True)])
def test_that_response_times_hold_refusals_too_is_said_where_they_are_many(make_run, refused, told):
    ds = make_run(12)
    ended = int(ds["users_outcomes"].sum())
    share = refused * ended / 150  # of all: below a hundredth, and above
    assert ("refused at once" in "".join(notes(summarise(ds)))) is False
    ds["users_outcomes"].loc[{"time": ds["time"][0], "request": ds["request"][0], "outcome": "rejected"}] = round(share)
    assert ("refused at once" in "".join(notes(summarise(ds)))) is told


def test_the_table_has_a_column_for_each_period(make_run):
    out = io.StringIO()
    Console(file=out, width=100).print(summary_table(summarise(make_run(6, **PEAK)), "evening"))
    assert "whole run" in out.getvalue()
    assert "peak hours" in out.getvalue()
    assert "80.0 %" in out.getvalue()


def test_a_counter_that_does_not_begin_at_0_shows_its_total_at_the_end_of_the_period(make_run):
    # 12 windows add 0.5 each; when the run ended the total was 1000, 3 of which came after the peak's end
    totals = {"counter_totals": {"llm_cost": 1000.0}}
    summary = summarise(make_run(12, start_s=23 * 3600 - 60.0, **PEAK, **totals))
    assert summary["whole"]["llm_cost"]["value"] == 1000.0
    assert summary["peak"]["llm_cost"]["value"] == 997.0
    assert summarise(make_run(12))["whole"]["llm_cost"]["value"] == 6.0


def test_each_class_of_requests_has_its_figures(make_run):
    classes = summarise(make_run(12, start_s=20 * 3600 - 60.0, **PEAK))["classes"]
    assert set(classes) == {"whole", "peak"}
    assert list(classes["peak"]) == ["casual.recommend", "casual.browse"]
    found = classes["whole"]["casual.browse"]
    assert (found["requests"], found["ok"]) == (1200, 0.9)
    assert found["mean"] == pytest.approx(0.113, rel=0.05)  # lognormal of median 0.1 s and sigma 0.5
    assert found["p95"] == pytest.approx(0.228, rel=0.1)
    endpoints = summarise(make_run(2, labels={**LABELS, "request": []}))["classes"]["whole"]
    assert list(endpoints) == ["gateway.recommend"]
    assert summarise(make_run(0))["classes"]["whole"] == {}


def test_all_are_ok_only_where_none_failed():
    one = {"requests": 1e6, "ok": 0.999999, "mean": 0.1, "p95": 0.2, "p99": 0.3}
    out = io.StringIO()
    Console(file=out).print(classes_table({"classes": {"whole": {"a": one, "b": {**one, "ok": 1.0}}}}))
    assert ["99.99 %" in line for line in out.getvalue().splitlines() if "100 ms" in line] == [True, False]


def test_tables_fit_a_terminal_of_80_columns(make_run):
    summary = summarise(make_run(12, start_s=20 * 3600 - 60.0, load=lambda t: 543.0, **PEAK))
    out = io.StringIO()
    console = Console(file=out, width=80)
    console.print(summary_table(summary, "a name " * 20))
    console.print(classes_table(summary))
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert "…" not in out.getvalue()
    assert "Requests by class, peak hours" in out.getvalue()
    assert "325,800" in out.getvalue()  # of each class in the minute of the peak: 6 windows of 54,300


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.084, "s", "84 ms"),
        (1.2671, "s", "1.27 s"),
        (30600.0, "s", "30,600 s"),
        (0.031, "share", "3.1 %"),
        (0.0005, "share", "0.05 %"),
        (12345.0, "1", "12,345"),
        (999.7, "1", "1,000"),
        (999.7, "s", "1,000 s"),
        (33.66, "1/s", "33.7/s"),
        (490.0, "USD", "490 USD"),
        (None, "s", "–"),
    ],
)
def test_values_are_written_as_a_person_would(value, unit, text):
    assert format_value(value, unit) == text


@pytest.mark.parametrize(
    ("mean", "half", "unit", "text"),
    [
        (0.1102, 0.0013, "s", "110.2 ± 1.3 ms"),
        (1.54, 0.0213, "s", "1.540 ± 0.021 s"),
        (0.031, 0.0042, "share", "3.10 ± 0.42 %"),
        (6236.2, 12.3, "1/s", "6,236 ± 12/s"),
        (105_780_068.0, 123_456.0, "1", "105.78 ± 0.12 M"),
        (490.0, 0.0, "USD", "490 ± 0 USD"),
    ],
)
def test_means_are_written_with_two_digits_of_their_interval(mean, half, unit, text):
    assert format_interval(mean, half, unit) == text


def test_what_a_run_shows_was_known_before(make_run):
    possible = possible_figures(LABELS, {name: unit for name, (unit, _) in COUNTERS.items()})
    shown = {key: entry["unit"] for key, entry in summarise(make_run(2))["whole"].items()}
    assert shown
    assert shown.items() <= possible.items()
