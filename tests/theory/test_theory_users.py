"""Sessions: how the demand breathes, when they start, and how many requests they make."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from support import simulated

from sfmodel.plan.demand import breathing
from sfmodel.schema.demand import Breathing

from .registry import agree, likely, replicate

pytestmark = pytest.mark.theory


def sessions(rate: str, mean: float, minutes: int, seed: int, demand: dict[str, object]) -> list[dict[str, np.ndarray]]:
    """Windows of one minute of a platform that answers at once."""
    kind = {"requests": mean, "mix": {"page": {"call": "s.get", "weight": 1}}}
    users = {"population": 1000, "think": "1 ms", "sessions": {"rate": rate, "types": {"all": kind}}}
    return simulated({
        "platform": {"name": "u", "services": {"s": {"endpoints": {"get": {}}}}, "users": users}, "demand": demand,
        "until": f"{minutes} min", "window": "1 min", "seed": seed,
    })[1]  # fmt: skip


def test_sessions_start_as_the_demand_says() -> None:
    # 50/s · (1 + 0.8·cos(2π(t − 10 min)/30 min)) over an hour: each minute is Poisson with the integral as mean.
    # The engine joins the curve by lines over 10 s; the error of that, 0.8·(π/90)²/2·…, is below 1e-4 of the mean.
    demand = {"sine": {"amplitude": 0.8, "peak_at": "00:10", "period": "30 min"}}
    windows = sessions("50/s", 1, 60, 1, demand)
    started = np.array([window["sessions_started"] for window in windows], dtype=float)
    edges = np.arange(61) * 60.0
    w = 2 * math.pi / 1800
    integral = 50 * (edges + 0.8 / w * np.sin(w * (edges - 600)))
    expected = np.diff(integral)
    likely("sessions, demand curve", stats.chi2(60).sf(np.sum((started - expected) ** 2 / expected)))

    total = replicate(lambda seed: sum(w["sessions_started"] for w in sessions("50/s", 1, 60, seed, demand)))
    agree("sessions, number", total, 50 * 3600)


def test_the_number_of_requests_is_geometric() -> None:
    # mean 4: P(n) = 0.75^(n−1)·0.25. Sessions are over within milliseconds: requests ÷ sessions is the mean length
    def one(seed: int) -> float:
        windows = sessions("50/s", 4, 20, seed, {})
        return sum(w["users_requests"][0] for w in windows) / sum(w["sessions_started"] for w in windows)

    agree("sessions, length", replicate(one), 4)


def test_lengths_of_sessions() -> None:
    # Session n starts at a known moment of its own: one session a minute, alone in its window
    lengths = []
    for seed in range(1, 6):
        windows = sessions("1/min", 4, 2000, seed, {})
        lengths += [int(w["users_requests"][0]) for w in windows if w["sessions_started"] == 1]
    most = 12
    counts = np.bincount(np.minimum(lengths, most), minlength=most + 1)[1:]
    share = np.array([0.75 ** (n - 1) * 0.25 for n in range(1, most)] + [0.75 ** (most - 1)])
    likely("sessions, lengths", stats.chisquare(counts, share * sum(counts)).pvalue)


def test_the_demand_breathes_as_a_lognormal_autoregression() -> None:
    # s = 0.3, 2 min: from minute to minute x is correlated by exp(−1/2). Over 120 days on both sides of the first
    # midnight estimates over ten seeds stray by 0.05 % (mean), 0.16 % (variance) and 0.1 % (correlation).
    noise, midnights = Breathing(cv=0.3, correlation="2 min"), 60 * 86400.0
    minutes = np.arange(-midnights, midnights, 60.0)

    def one(seed: int) -> list[float]:
        factor = breathing(noise, seed, minutes)
        x = np.log(factor) + 0.3**2 / 2
        between = breathing(noise, seed, minutes + 30)
        return [factor.mean(), between.mean(), np.mean(x**2), np.mean(x[1:] * x[:-1]) / np.mean(x**2)]

    mean, mean_between, variance, correlation = replicate(one)
    agree("breathing, mean", mean, 1)
    agree("breathing, mean between minutes", mean_between, 1)
    agree("breathing, variance", variance, 0.3**2)
    agree("breathing, correlation", correlation, math.exp(-1 / 2))
