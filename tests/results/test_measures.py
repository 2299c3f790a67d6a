import numpy as np
import pytest
import xarray as xr

from sfmodel.errors import ConfigError
from sfmodel.results import measures
from sfmodel.results.variables import latency_bin


def histogram(durations_s: np.ndarray) -> xr.DataArray:
    return xr.DataArray(np.bincount(latency_bin(durations_s), minlength=388), dims="latency")


RANDOM = np.random.default_rng(7)
DURATIONS_S = {
    "lognormal": 0.1 * np.exp(RANDOM.standard_normal(200_000)),
    "exponential": RANDOM.exponential(0.5, 200_000),
    "uniform": RANDOM.uniform(0.05, 0.3, 200_000),
    "constant": np.full(1000, 0.02),
    "lower edge of a bin": np.full(1000, 1.00001e-4 * 1.04**100),
    "upper edge of a bin": np.full(1000, 0.99999e-4 * 1.04**100),
    "two constants": np.r_[np.full(900, 0.075), np.full(100, 1.5)],
}


@pytest.mark.parametrize("name", DURATIONS_S)
def test_quantiles_are_within_two_per_cent(name):
    durations_s = DURATIONS_S[name]
    for q in (0.05, 0.5, 0.8, 0.95, 0.99):
        assert float(measures.quantile(histogram(durations_s), q)) == pytest.approx(
            np.quantile(durations_s, q), rel=0.02
        )


def test_a_quantile_of_nothing_is_nan():
    assert np.isnan(measures.quantile(histogram(np.zeros(0)), 0.5))


def test_several_quantiles_at_once_keep_the_other_dimensions(make_run):
    found = measures.quantile(make_run(4)["endpoint_latency"], [0.5, 0.95])
    assert found.dims == ("time", "endpoint", "quantile")
    assert found.attrs["units"] == "s"


def test_quantiles_of_what_the_caller_sums_are_public(make_run):
    import sfmodel

    summed = make_run(4)["endpoint_latency"].sum(["time", "endpoint"])
    assert float(sfmodel.quantile(summed, 0.5)) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    ("array", "q", "expected"),
    [
        (
            "endpoint_time",
            0.5,
            "expected a histogram such as ds.endpoint_latency, .* found endpoint_time with time, end",
        ),
        ("endpoint_latency", 95, "expected a probability between 0 and 1, found 95"),
    ],
)
def test_a_quantile_of_something_else_is_a_sentence(make_run, array, q, expected):
    with pytest.raises(ConfigError, match=expected):
        measures.quantile(make_run(1)[array], q)


def test_share_within_a_limit():
    durations_s = DURATIONS_S["lognormal"]
    share = float(measures.share_within(histogram(durations_s), 0.2))
    assert share == pytest.approx(np.mean(durations_s <= 0.2), abs=0.003)


def test_coarser_windows_sum_take_the_last_and_the_highest(make_run, monkeypatch):
    monkeypatch.setattr(measures, "_SLAB_BYTES", 1)  # a slab is 60 windows then
    ds = make_run(500, start_s=30.0)  # starts within a minute
    coarse = measures.coarsen(ds, 60.0)
    assert coarse["time"].values[:3].tolist() == [30.0, 60.0, 120.0]
    assert coarse["width"].values[:3].tolist() == [30.0, 60.0, 60.0]
    assert coarse["endpoint_arrivals"].values[:2, 0].tolist() == [300, 600]
    assert coarse["station_waiting"].values[:2, 0].tolist() == [2, 8]
    assert coarse["station_queue_max"].values[:2, 0].tolist() == [2, 8]
    assert int(coarse["endpoint_latency"].sum()) == int(ds["endpoint_latency"].sum())


def test_a_fold_is_the_sum_over_all_windows(make_run):
    ds = make_run(30)
    folded = measures.fold(ds)
    assert "time" not in folded.dims
    np.testing.assert_array_equal(folded["users_latency"], ds["users_latency"].sum("time"))
    assert float(folded["width"]) == 300.0


def test_a_fold_of_no_windows_counts_nothing(make_run):
    folded = measures.fold(make_run(3), np.zeros(3, bool))
    assert int(folded["endpoint_arrivals"].sum()) == 0
    assert float(folded["width"]) == 0.0


def test_hours_repeat_every_day_and_may_cross_midnight(make_run):
    ds = make_run(3 * 24, start_s=0.0)
    hourly = ds.assign_coords(time=np.arange(72) * 3600.0, width=("time", np.full(72, 3600.0)))
    assert np.flatnonzero(measures.within_hours(hourly, 20 * 3600.0, 22 * 3600.0)).tolist() == [20, 21, 44, 45, 68, 69]
    assert np.flatnonzero(measures.within_hours(hourly, 23 * 3600.0, 3600.0)).tolist() == [0, 23, 24, 47, 48, 71]


def test_shares_rates_and_means(make_run):
    folded = measures.fold(make_run(6))
    assert measures.hit_rate(folded).values == pytest.approx(0.8)
    assert measures.utilisation(folded).values == pytest.approx(0.25)
    assert measures.mean_waiting(folded).values == pytest.approx(5.0)
    assert measures.mean_wait(folded).values == pytest.approx(0.05)
    assert measures.station_time(folded).values == pytest.approx(0.6)
    assert measures.refused_share(folded).values == pytest.approx(0.15)
    assert measures.failure_share(folded, "users").values == pytest.approx(0.1)
    assert measures.rate(folded, "users_requests").values == pytest.approx(10.0)
    assert measures.rate(folded, "llm_cost").attrs["units"] == "USD/s"
    assert measures.outcome_shares(folded, "endpoint").sum("outcome").values == pytest.approx(1.0)


def test_utilisation_of_stations_without_or_with_unlimited_servers_is_not_a_number(make_run):
    ds = make_run(1).load()
    ds["station_servers"].values[0] = [0.0, np.inf, 4.0]
    assert np.isnan(measures.utilisation(ds).values[0]).tolist() == [True, True, False]


def test_roots_are_the_endpoints_that_nobody_calls(make_run):
    assert measures.roots(make_run(1)) == ["gateway.recommend"]
