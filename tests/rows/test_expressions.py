"""Each measure of the language on windows whose values are added up by head; each mistake with its sentence."""

from __future__ import annotations

import numpy as np
import pytest
from small_run import OK, REJECTED, TIMEOUT, make_run, place, tasks

from sfmodel.errors import ConfigError
from sfmodel.rows.expressions import Expression
from sfmodel.rows.windows import Windows


def one_minute(k, values):
    """In every window: web.get 0.1, 0.1, 0.1, 0.1 s and one that failed after 1.1 s; web.put five of 0.2 s."""
    tasks(values, "endpoint", place("endpoint", "web.get"), [0.1, 0.1, 0.1, 0.1, 1.1], failed=1)
    tasks(values, "endpoint", place("endpoint", "web.put"), [0.2] * 5)
    for site, outcome in enumerate((OK, TIMEOUT, REJECTED)):
        values["call_outcomes"][site, outcome] = 10
        values["call_time"][site] = 1 + site
    values["station_servers"][:] = [4, 1, 1]
    values["station_busy"][:] = [30, 5, 10]
    values["station_burnt"][:] = [10, 0, 0]
    values["station_queue"][:] = [50, 0, 20]
    values["station_ends"][:] = [100, 10, 10]
    values["cache_hits"][:], values["cache_misses"][:] = 6, 4
    values["limiter_passed"][:], values["limiter_refused"][:] = 9, 1
    values["queue_length"][:], values["queue_delay"][:], values["queue_delivered"][:] = 30, 40, 20
    values["users_requests"][:], values["users_retries"][:] = [20, 30], [2, 3]
    values["cost"][...] = 0.5


@pytest.fixture
def value():
    windows = Windows(make_run(6, one_minute), 60.0, {"twice": Expression("2 * cost")})

    def measure(text: str) -> float:
        found = np.atleast_1d(np.asarray(Expression(text)(windows), float))
        assert found.shape == (1,), "one coarse window"
        return float(found[0])

    return measure


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(endpoint[web.get])", 1.5 / 5),
        ("mean(endpoint[web.get], ok)", 0.1),
        ("mean(endpoint[web.get, web.put])", 2.5 / 10),
        ("mean(endpoint['web.*'])", 2.5 / 10),
        ("mean(call['web.get>shop.search'])", 3 / 20),  # both sites of that name
        ("mean(call['*>shop.search'])", 6 / 30),
        ("share(call['*'], timeout, rejected)", 2 / 3),
        ("share(endpoint[web.get], timeout)", 1 / 5),
        ("within(endpoint[web.get], '200 ms')", 4 / 5),
        ("within(endpoint[web.get], '2 s')", 4 / 5),  # the failure is in time and no answer
        ("mean(station[shop.cpu])", (50 + 30 - 10) / 100),
        ("service_time(station[shop.cpu])", (30 - 10) / 100),
        ("busy(station[shop.cpu])", 30 / 40),
        ("busy(station[shop.disk])", 15 / 20),  # both replicas
        ("waiting(station['shop.disk#1'])", 2),
        ("waiting(queue[shop.mail])", 3),
        ("mean(queue[shop.mail])", 2),
        ("hit_rate(cache[shop.pages])", 0.6),
        ("refused(limiter[web.clients])", 0.1),
        ("rate(users_requests - users_retries)", 45 / 10),
        ("users_requests[guest.get]", 6 * 20),
        ("call_outcomes['web.put>shop.search', timeout, rejected]", 6 * 10),
        ("cost / seconds", 0.05),
        ("-cost + twice * 2", -3 + 12),
        ("3600 * rate(cost)", 180),
        ("2 + 3 * 4", 14),
    ],
)
def test_values(value, text, expected):
    assert value(text) == pytest.approx(expected)


@pytest.mark.parametrize(("q", "expected"), [(0.5, 0.1), (0.9, 1.1)])
def test_quantiles_within_two_per_cent(value, q, expected):
    assert value(f"quantile(endpoint[web.get], {q})") == pytest.approx(expected, rel=0.02)
    assert value(f"quantile(endpoint[web.get], {q}, ok)") == pytest.approx(0.1, rel=0.02)


def test_one_value_for_each_coarse_window():
    def growing(k, values):
        values["cost"][...] = k

    found = Expression("cost")(Windows(make_run(9, growing, start_s=72030.0), 60.0))
    assert found.values.tolist() == [0 + 1 + 2, 3 + 4 + 5 + 6 + 7 + 8]


def test_nothing_measured_is_not_a_number():
    windows = Windows(make_run(6), 60.0)
    for text in ("mean(endpoint[web.get])", "quantile(call['*'], 0.5)", "hit_rate(cache)", "share(endpoint, ok)"):
        assert np.isnan(Expression(text)(windows)).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(", "expected an expression such as 'mean(endpoint[web.get])', found 'mean('"),
        ("meen(endpoint)", "there is no function 'meen'; did you mean 'mean'?"),
        ("__import__('os').system('ls')", "there is no function '__import__('os').system'"),
        ("open('x')", "there is no function 'open'"),
        ("[1, 2]", "expected numbers, + - * /, names, labels in brackets and functions, found '[1, 2]'"),
        ("lambda: 1", "expected numbers"),
        ("2 ** 1000", "expected numbers"),
        ("+".join(["1"] * 5000), "expected an expression such as"),
        ("cost if 1 else 2", "expected numbers"),
        ("True", "expected numbers"),
        ("mean(endpoint, limit=3)", "mean: expected arguments without names, found 'limit='"),
        ("quantile(endpoint)", "quantile: expected quantile(endpoint or call or request, 0.95, ok), found 1 arguments"),
        ("busy(station, 3)", "busy: expected busy(station), found 2 arguments"),
        ("mean(endpoint[1 + 2])", "expected a name, in quotes if it has other signs than letters and dots"),
    ],
)
def test_what_is_not_of_the_language(text, expected):
    with pytest.raises(ValueError, match=r"^") as caught:
        Expression(text)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(endpoint[web.gett])", "there is no endpoint 'web.gett'; did you mean 'web.get'?"),
        ("cots", "there is no 'cots'; did you mean 'cost'?"),
        ("mean(cache[shop.pages])", "mean: expected endpoint[…] or call[…] or request[…] or station[…] or queue[…]"),
        ("users_requests[gest.get]", "users_requests has no label 'gest.get'; did you mean 'guest.get'?"),
        ("endpoint[web.get]", "'endpoint[web.get]' names a endpoint and no measure of it"),
        ("endpoint[web.get] + 1", "expected a number or a measure such as mean(endpoint[web.get])"),
        ("'a' + 1", "expected a number or a measure"),
        ("'a'", "expected a measure such as mean(endpoint), found the text 'a'"),
        ("share(endpoint[web.get], timeouts)", "share: there is no outcome 'timeouts'; did you mean 'timeout'?"),
        ("share(endpoint[web.get], timeout, ok, timeout)", "share: 'timeout' is named twice"),
        ("within(endpoint[web.get], '200 MB')", "within: expected a duration such as '5 ms', found '200 MB'"),
        ("quantile(endpoint[web.get], 95)", "quantile: expected a probability between 0 and 1, found 95"),
        ("mean(call['*'], ok)", "mean: only of an endpoint are the good answers kept apart, found call[…]"),
        ("mean(endpoint[web.get], good)", "mean: expected 'ok' or nothing, found 'good'"),
    ],
)
def test_what_the_run_does_not_have(value, text, expected):
    with pytest.raises(ConfigError) as caught:
        value(text)
    assert expected in str(caught.value)
