"""A run beside its pair: bands, onsets, recovery, all on series written by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_run import make_run

from sfmodel.errors import ConfigError
from sfmodel.rows import Rows, measure_rows
from sfmodel.rows.bands import band, make_pair, onset_s, paired, recovery_s, trigger_s

EIGHT = 72000.0


def config(*events: dict, **sources: dict) -> dict:
    return {"scenario": {"events": list(events)}, "platform": {"sources": sources}}


def costing(dollars):
    """Edit a run so that window k costs dollars[k]."""
    return lambda k, values: values["cost"].__setitem__(..., dollars[k])


def pair_of(values, base, at="20:10:00", length="60 s"):
    """A run and its pair, with a trigger from `at` on."""
    run = make_run(len(values), costing(values), config=config({"at": at, "for": length}))
    return make_pair(run, make_run(len(base), costing(base), config=config()), {})


def test_a_band_is_the_range_of_the_windows_around_and_a_quarter_more():
    low, high = band(np.array([0.0, 4.0, 2.0, np.nan, 2.0, 2.0]), 1)
    assert low.tolist() == [-1, -1, 1.5, 2, 2, 2]
    assert high.tolist() == [5, 5, 4.5, 2, 2, 2]


def test_a_band_around_nothing_is_not_a_number():
    low, high = band(np.array([1.0, np.nan, np.nan, np.nan, 1.0]), 1)
    assert np.isnan([low[2], high[2]]).all()
    assert not np.isnan(low[[0, 1, 3, 4]]).any()


BASE = np.tile([10.0, 12.0], 60)  # 20 minutes; the band is 9.5 to 12.5


@pytest.mark.parametrize(
    ("at", "value", "direction", "expected"),
    [
        (70, 12.6, "up", 700),
        (70, 12.5, "up", None),  # on the edge of the band
        (70, 12.6, "down", None),
        (70, 9.4, "down", 700),
        (70, 9.4, "either", 700),
        (60, 20, "up", 600),  # in the trigger's own window
    ],
)
def test_an_onset_is_the_first_window_outside_the_band(at, value, direction, expected):
    values = np.r_[BASE[:at], np.full(120 - at, value)]
    found = onset_s(pair_of(values, BASE), values, BASE, direction)
    assert (None if math.isnan(found) else found - EIGHT) == expected


def test_what_does_not_last_or_came_before_the_trigger_is_no_onset():
    values = BASE.copy()
    values[[20, 21, 22, 23]] = 99  # before 20:10
    values[[70, 71]] = 99  # twenty seconds
    pair = pair_of(values, BASE)
    assert math.isnan(onset_s(pair, values, BASE, "up"))
    assert onset_s(pair, values, BASE, "up", lasting_s=20.0) - EIGHT == 700
    assert onset_s(pair, values, BASE, "up", lasting_s=1.0) - EIGHT == 700  # a window at least


def test_a_value_to_reach_stands_in_place_of_the_band():
    values = np.r_[BASE[:70], np.linspace(20, 69, 50)]
    pair = pair_of(values, BASE)
    assert onset_s(pair, values, BASE, "up", 30.0) - EIGHT == 800
    assert math.isnan(onset_s(pair, values, BASE, "down", 5.0))


def test_recovered_is_who_is_back_inside_for_five_minutes():
    base = np.tile([10.0, 12.0], 138)  # 46 minutes, trigger from 20:10 to 20:11
    values = base.copy()
    values[60:80] = 99  # until 20:13:20
    values[95] = 99  # ten seconds at 20:15:50
    pair = pair_of(values, base)
    assert recovery_s(pair, [(base, base)]) == 0
    assert recovery_s(pair, [(values, base)]) == 960 - 660  # from 20:16:00 on
    assert recovery_s(pair, [(base, base), (values, base)]) == 300
    assert recovery_s(pair, [(np.full(276, 99.0), base)]) == math.inf
    shorter = pair_of(values[:275], base[:275])
    assert recovery_s(shorter, [(values[:275], base[:275])]) == 300
    assert math.isnan(recovery_s(shorter, [(np.full(275, 99.0), base[:275])]))  # half an hour later nobody has looked


def test_where_nothing_comes_any_more_nothing_has_recovered():
    base = np.tile([10.0, 12.0], 138)
    dead, sparse = base.copy(), base.copy()
    dead[66:] = np.nan  # from the trigger's end on
    sparse[60:66] = 99
    sparse[67::2] = np.nan  # every other window has no request
    pair = pair_of(base, base)
    assert recovery_s(pair, [(dead, base)]) == math.inf
    assert recovery_s(pair, [(sparse, base)]) == 0
    assert recovery_s(pair, [(dead, dead)]) == 0  # nor does anything come in the paired run


def test_who_is_about_to_recover_when_the_run_ends_is_not_said_never_to():
    base = np.tile([10.0, 12.0], 150)
    values = base.copy()
    values[60:230] = 99  # until 20:38:20, 27 minutes after the trigger
    for windows in (240, 250, 259):
        pair = pair_of(values[:windows], base[:windows])
        assert math.isnan(recovery_s(pair, [(values[:windows], base[:windows])]))
    pair = pair_of(values[:260], base[:260])
    assert recovery_s(pair, [(values[:260], base[:260])]) == 2300 - 660


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (config({"at": "20:30", "for": "3 min"}, {"at": "20:10"}), (20 * 3600 + 600, math.inf)),
        (config(spike={"spikes": [{"at": "18:00", "count": 10, "for": "20 min"}]}), (18 * 3600, 18 * 3600 + 1200)),
        (config(viral={"at": ["21:00", "19:00"]}), (19 * 3600, 19 * 3600)),
        (config(known={"at": ["19:00"]}), None),
    ],
)
def test_the_trigger_is_what_only_the_run_has(run, expected):
    base = make_run(6, config=config(known={"at": ["19:00"]}))
    assert trigger_s(make_run(6, config=run), base) == expected


@pytest.mark.parametrize(("windows", "triggered"), [(6, False), (7, True)])
def test_a_run_may_end_before_its_trigger(windows, triggered):
    run = make_run(windows, config=config({"at": "20:01", "for": "60 s"}))
    pair = make_pair(run, make_run(7, config=config()), {})
    assert pair is not None
    assert (pair.begins_s, pair.ends_s, pair.end_s - EIGHT) == (72060, 72120, 10 * windows)
    assert pair.is_triggered is triggered
    assert make_pair(run, run, {}) is None


def test_only_pairs_are_compared_and_only_where_both_are():
    run, base = paired(make_run(9, seed=1), make_run(6, seed=1))
    assert run.sizes["time"] == base.sizes["time"] == 6
    with pytest.raises(ConfigError, match=r"--against: expected a run of the same .* seed is 1 here and 2 there"):
        paired(make_run(6, seed=1), make_run(6, seed=2))
    with pytest.raises(ConfigError, match=r"start is 20:00:00 here and 20:00:10 there"):
        paired(make_run(6), make_run(6, start_s=72010.0))


def test_rows_beside_the_paired_run():
    base = np.tile([10.0, 12.0], 138)
    values = np.where(np.arange(276) < 60, base, 3 * base)
    run = make_run(276, costing(values), config=config({"at": "20:10", "for": "60 s"}))
    rows = Rows.model_validate({
        "window": "1 min",
        "periods": {"trouble": ["20:10", "20:30"]},
        "rows": [
            {"id": "dearer", "title": "t", "measure": "cost / base(cost)", "period": "trouble", "at_least": 3},
            {"id": "back", "title": "t", "measure": "recovery(cost)", "unit": "s", "above": "30 min"},
            {"id": "alone", "title": "t", "measure": "cost", "take": "total", "above": 0},
        ],
    })  # fmt: skip
    found = measure_rows(run, rows, base=make_run(276, costing(base), config=config()))
    assert [(one.value, one.met) for one in found.values()] == [(3, True), (math.inf, True), (values.sum(), True)]
    assert [one.value for one in measure_rows(run, rows).values()] == [None, None, values.sum()]
    for windows, why in (
        (270, "since the run ends at 20:45, too soon after its trigger's end at 20:11"),
        (60, "since the run ends at 20:10, and its trigger is at 20:10"),
    ):
        short = measure_rows(run.isel(time=slice(windows)), rows, base=make_run(276, costing(base), config=config()))
        assert (short["back"].met, short["back"].lacks) == (None, why)
