"""Whether a run had settled: transients of known length, demand that is not flat, and how often the alarm is false."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sfmodel
from sfmodel import settling
from sfmodel.cli.compose import composed
from sfmodel.results.measures import settled
from sfmodel.results.transient import begins_elsewhere
from sfmodel.rows import Rows, measure_rows
from sfmodel.schema import parse_run
from sfmodel.schema.sources import Recording
from sfmodel.settling import Settling, flat_windows, freed_of, is_curved, note_settling, settle

SLOW = (
    "platform.services.server.stations.servers.servers=5000",
    "platform.services.server.endpoints.serve.steps.0.time={exponential: 60 s}",
    "platform.sources.arrivals.rate=10/s",
)
"""Ten calls a second of a minute each, none of which waits: 600 (1 - exp(-t/60 s)) are there."""


def slow(warmup: str, **keys):
    return sfmodel.load("mmc", *SLOW).run(start="1h", until="2h", warmup=warmup, **keys)


def test_without_a_warm_up_the_transient_is_found_and_the_rest_is_stationary():
    with pytest.warns(UserWarning, match="the run begins with a transient of .*, seen in requests answered"):
        ds = slow("0 s")
    # 600 exp(-t/60) sinks below the noise, √600 = 24.5, after 192 s; below a third of it after 258 s; later by chance
    assert 120 <= ds.attrs["transient_s"] <= 900
    assert ds.attrs["unsettled"] == []
    kept = ds.isel(time=np.flatnonzero(settled(ds)))
    present = float(kept.station_busy.sum() / kept.width.sum())
    spread = np.sqrt(2 * 600 * 60 / float(kept.width.sum()))  # covariance 600 exp(-t/60)
    assert present == pytest.approx(600, abs=4 * spread)


@pytest.mark.filterwarnings("error")
def test_with_a_warm_up_there_is_none():
    assert slow("10 min").attrs["transient_s"] == 0


@pytest.mark.parametrize(("platform", "until", "runs"), [("mmc", "11 min", 40), ("chain", "10 min", 3)])
@pytest.mark.filterwarnings("error")  # nothing is said to the user either
def test_no_false_alarms(platform, until, runs):
    # 0.1 % of runs: with probability 96 % and more none of so many, and the seeds are always the same
    model = sfmodel.load(platform)
    assert [model.run(seed=seed, until=until).attrs["transient_s"] for seed in range(runs)] == [0.0] * runs


def replicated(every: np.ndarray) -> xr.Dataset:
    """Replications of a run that show nothing but tasks at a station: every[n, t]."""
    n, length = every.shape
    own = [{"seed": seed} for seed in range(n)]
    shape = {"time": length, "replication": n, "station": 1}
    variables = {
        "demand": (("time", "replication"), np.ones((length, n))),
        "station_busy": (tuple(shape), every.T[:, :, None]),
        "station_queue": (tuple(shape), np.zeros(tuple(shape.values()))),
    }
    coords = {"time": 60 + 10.0 * np.arange(length), "width": ("time", np.full(length, 10.0)), "replication": range(n)}
    return xr.Dataset(variables, coords, {"replications": own})


def noise(n: int, seed: int, length: int = 360) -> np.ndarray:
    """Series [n, t] without a transient, autoregressions of mean 1000 and deviation 300."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, length))
    for k in range(1, length):
        values[:, k] = 0.5 * values[:, k - 1] + np.sqrt(0.75) * values[:, k]
    return 1000 + 300 * values


def test_false_alarms_of_several_replications_are_as_frequent_as_of_one(monkeypatch):
    # of 150 runs of 20 replications at most 5 % + 4 standard deviations, 1.8 % each; of each replication alone some 30 %
    # of these runs would have one
    monkeypatch.setattr(settling, "FALSE_ALARMS", 0.05)
    run = parse_run(composed(["platform=mmc", "until=61 min"]))
    found = [settle(run, replicated(noise(20, seed))) for seed in range(150)]
    assert np.mean([bool(one.transient_s or one.unsettled) for one in found]) <= 0.05 + 4 * 0.018


def test_a_transient_that_none_shows_alone_is_found_in_their_mean():
    run = parse_run(composed(["platform=mmc", "until=61 min"]))
    every = noise(50, 1) + 300 * np.exp(-np.arange(360) / 15)
    assert [settle(run, replicated(one[None])).transient_s for one in every[:5]] == [0.0] * 5
    found = settle(run, replicated(every))
    # in the mean the noise is 300/√50 = 42: the transient sinks below it after 15 ln(300/42) = 29 windows
    assert 150 <= found.transient_s <= 900
    assert note_settling(run, replicated(every), None).attrs["transient_s"] == found.transient_s


def test_a_series_that_one_replication_lacks_is_not_judged():
    run = parse_run(composed(["platform=mmc", "until=61 min"]))
    every = noise(2, 1) + 3000 * np.exp(-np.arange(360) / 15)
    assert settle(run, replicated(every)).transient_s > 0
    every[1] = 1000.0  # it never changes
    assert settle(run, replicated(every)) == Settling(0.0)


def test_an_overloaded_run_has_not_settled_and_nothing_is_left_out():
    with pytest.warns(
        UserWarning, match=r"the run has not settled, seen in .*tasks at stations.*: something is overloaded"
    ):
        ds = sfmodel.load("mmc", "platform.sources.arrivals.rate=110/s").run(until="16 min")
    assert "tasks at stations" in ds.attrs["unsettled"]


def test_figures_begin_when_the_transient_is_over():
    with pytest.warns(UserWarning, match="transient"):
        ds = slow("0 s")
    rows = {"id": "A", "title": "t", "measure": "rate(station_busy)", "take": "lowest", "at_least": 400}
    early = {**rows, "id": "B", "period": "early"}
    found = measure_rows(
        ds, Rows.model_validate({"window": "10 s", "periods": {"early": ["01:00", "01:02"]}, "rows": [rows, early]})
    )
    assert found["A"].met
    assert found["B"].lacks == "since the run has nothing of 01:00–01:02 (early) after its start-up transient"


# Where demand is flat


def windows_of(*words: str) -> float:
    """Hours until demand is no longer flat, or something is scheduled."""
    run = parse_run(composed(words))
    ends_s = np.arange(run.start + run.window, run.until + 1, run.window)
    return flat_windows(run, ends_s) * run.window / 3600


def _event(at: str, length: str = "null") -> str:
    return f"+scenario.events=[{{at: {at}, for: {length}, set: {{services.server.stations.servers.servers: 7}}}}]"


def _every(interval: str) -> tuple[str, str]:
    return "~platform.sources.arrivals.rate", f"+platform.sources.arrivals.every={interval}"


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        (("platform=chain", "until=1h"), 59 / 60),  # all of it
        ((), 3.5),  # 15:30 at 0.975 to 19:00 at 1, from where it rises by 2 an hour: 3.5 % after 18 s
        (("scenario=f4_engine_half", "start=20:00"), 0.5),  # the event
        (("start=19:30",), 0.035),  # from 2, rising by 2 an hour: 3.5 % after 126 s
        (("platform=mmc", "start=1h", "until=2h", _event("59 min", "1 min")), 0),  # its queue is there at the start
        (("platform=mmc", "start=1h", "until=2h", _event("1h")), 0),
        (("platform=mmc", "start=1h", "until=2h", _event("50 min", "5 min")), 1),  # over before the warm-up of 1 min
        (("platform=mmc", "start=1h", "until=2h", _event("30 min")), 1),  # so is all of the run
        (("platform=mmc", "until=1h", *_every("5 min")), 0),  # 12 arrivals
        (("platform=mmc", "until=1h", *_every("1 min")), 59 / 60),
    ],
)
def test_the_first_stretch_of_flat_demand(words, hours):
    assert windows_of(*words) == pytest.approx(hours, abs=0.01)


@pytest.mark.filterwarnings("error", "ignore:scenario.events.0 .* lies outside of what is measured")
def test_the_queue_that_an_event_left_is_no_start_up_transient():
    ds = sfmodel.load("mmc", "platform.sources.arrivals.rate=80/s", _event("59 min", "1 min")).run(
        start="1h", until="2h"
    )
    assert (ds.attrs["transient_s"], ds.attrs["unsettled"]) == (0.0, [])


def test_recorded_arrivals_are_not_judged():
    run = parse_run(composed(["platform=mmc", "until=1h"]))
    arrivals = run.platform.sources["arrivals"]
    recorded = arrivals.model_copy(update={"rate": 0.0, "file": Recording(file="arrivals.csv")})
    run.platform.sources["arrivals"] = recorded
    assert flat_windows(run, np.arange(run.start + 10, run.until + 1, 10.0)) == 0


def test_what_demand_explains_is_taken_out():
    random = np.random.default_rng(1)
    demand = 1 + 0.035 * random.normal(size=400)
    freed = freed_of(3 + 5 * demand + 1e-6 * random.normal(size=400), demand)
    assert np.ptp(freed) < 1e-4


def breathing(seed: int, n: int = 720, correlation: float = 12) -> np.ndarray:
    """Demand of n windows that breathes by 4 %, of a correlation time in windows."""
    follows = np.exp(-1 / correlation)
    random = np.random.default_rng(seed)
    breaths = random.normal(size=n) * np.sqrt(np.r_[1, np.full(n - 1, 1 - follows**2)])
    for k in range(1, n):
        breaths[k] += follows * breaths[k - 1]
    return 1 + 0.04 * breaths


@pytest.mark.parametrize("load", [0.5, 0.7, 0.85])
def test_a_convex_response_to_demand_is_no_transient(load):
    # half of 720 windows holds the 30 breaths that are asked for; of 500 runs at most 5 % + 4 standard deviations
    found = []
    for seed in range(500):
        demand = breathing(seed)
        response = 100 / (1 - load * np.minimum(demand, 1.13))
        response += 0.2 * response.std() * np.random.default_rng((seed, 1)).normal(size=720)
        found.append(not is_curved(response, demand) and begins_elsewhere(freed_of(response, demand), 0.05))
    assert np.mean(found) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 500)


def test_a_demand_that_differs_by_rounding_is_constant():
    """Of a spread of rounding errors alone a standard deviation may be 0, and a fit on what that divides never ends."""
    values = np.linspace(1, 2, 400)
    for demand in (np.full(400, 0.8), 0.8 + 1e-16 * np.random.default_rng(1).integers(0, 2, 400)):
        for level in (1.0, 0.7, 1.2):
            assert np.array_equal(freed_of(values, level * demand), values)
            assert not is_curved(values, level * demand)


def test_a_line_is_not_curved():
    # of n = 360 values of noise the square explains 1/360 on average; a 20th with probability P(F > 18) = 0.00003
    noise = np.random.default_rng(1).normal(size=720)
    assert not is_curved(3 + 50 * breathing(1) + noise, breathing(1))


def test_of_few_breaths_nothing_is_said():
    words = ("platform.sources.arrivals.rate=110/s", "demand.breathing={cv: 0.04, correlation: 30 s}")
    model = sfmodel.load("mmc", *words)
    assert model.run(until="30 min", seed=2).attrs["unsettled"] == []  # half of 29 min: 29 breaths
    with pytest.warns(UserWarning, match="has not settled"):
        model.run(until="32 min", seed=2)


def test_what_the_user_is_told():
    run = parse_run(composed(["platform=mmc"]))
    told = list(Settling(190.0, ("response time",), ("hit rate of web.pages",)).warnings(run))
    assert told == [
        "the run begins with a transient of 3 min 10 s, seen in response time; it is left out of the figures. With "
        "warmup=5 min it would be over before measuring begins",
        "the run has not settled even then, seen in hit rate of web.pages: something is overloaded, or the warm-up, 1 min 00 s, "
        "is far too short. Nothing is left out for it; give a longer warmup and a later until",
    ]
