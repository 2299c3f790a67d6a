"""The formulas, each with its source. Rates per second, times in seconds; a = offered load, c = servers.

Kleinrock (1975): Queueing Systems, volume 1. Cooper (1981): Introduction to Queueing Theory.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammainc, gammaln


def erlang_b(c: int, a: float) -> float:
    """Blocking of M/G/c/c by the recursion B(n) = aB(n−1)/(n + aB(n−1)) (Cooper 1981, 3.6)."""
    b = 1.0
    for n in range(1, c + 1):
        b = a * b / (n + a * b)
    return b


def erlang_c(c: int, a: float) -> float:
    """Probability of waiting in M/M/c (Cooper 1981, 3.9)."""
    b = erlang_b(c, a)
    return c * b / (c - a * (1 - b))


def mmc_wait(arrival: float, service: float, c: int) -> float:
    """Mean wait in M/M/c: C/(cμ − λ)."""
    return erlang_c(c, arrival / service) / (c * service - arrival)


def mmc_wait_above(arrival: float, service: float, c: int, t: float) -> float:
    """P(wait > t) = C·exp(−(cμ − λ)t) (Cooper 1981, 3.9)."""
    return erlang_c(c, arrival / service) * math.exp(-(c * service - arrival) * t)


def mmc_sojourn_above(arrival: float, service: float, c: int, t: float) -> float:
    """P(wait + service > t): the wait is 0, or exponential with rate cμ − λ; the service is independent of it."""
    waits, drain = erlang_c(c, arrival / service), c * service - arrival
    e, d = math.exp(-service * t), math.exp(-drain * t)
    return (1 - waits) * e + waits * (d + drain * (e - d) / (drain - service))


def mmck(arrival: float, service: float, c: int, k: int) -> tuple[float, float]:
    """(blocking, mean wait of the accepted) of M/M/c/K from its birth-death chain (Kleinrock 1975, 3.6)."""
    p = np.ones(k + 1)
    for n in range(1, k + 1):
        p[n] = p[n - 1] * arrival / (min(n, c) * service)
    p /= p.sum()
    queue = sum((n - c) * p[n] for n in range(c, k + 1))
    return float(p[k]), float(queue / (arrival * (1 - p[k])))


def pollaczek_khinchine(arrival: float, mean: float, cv: float) -> float:
    """Mean wait in M/G/1: λE[S²]/(2(1 − ρ)) (Kleinrock 1975, 5.7)."""
    return arrival * mean**2 * (1 + cv**2) / (2 * (1 - arrival * mean))


def cobham(arrivals: list[float], mean: float, second: float) -> list[float]:
    """Mean waits of non-preemptive classes: W0/((1 − σ_{k−1})(1 − σ_k)), W0 = Σλ·E[S²]/2 (Cobham 1954)."""
    residual = sum(arrivals) * second / 2
    upto = np.cumsum([0.0, *arrivals]) * mean
    return [residual / ((1 - upto[k]) * (1 - upto[k + 1])) for k in range(len(arrivals))]


def erlang_a(arrival: float, service: float, c: int, impatience: float) -> tuple[float, float, float]:
    """(P(abandon), P(wait), mean queue) of M/M/c+M from its birth-death chain (Palm 1957)."""
    p = [1.0]
    for n in range(1, 4000):
        p.append(p[-1] * arrival / (min(n, c) * service + max(0, n - c) * impatience))
    p = np.array(p) / sum(p)
    queue = sum((n - c) * p[n] for n in range(c, len(p)))
    return float(impatience * queue / arrival), float(p[c:].sum()), float(queue)


def mva(users: int, demands: list[float], think: float) -> tuple[float, float]:
    """(throughput, response) of a closed network of single servers (Reiser and Lavenberg 1980)."""
    queue = [0.0] * len(demands)
    throughput = response = 0.0
    for n in range(1, users + 1):
        times = [d * (1 + q) for d, q in zip(demands, queue, strict=True)]
        response = sum(times)
        throughput = n / (think + response)
        queue = [throughput * t for t in times]
    return throughput, response


def zipf(items: int, exponent: float) -> np.ndarray:
    """Probabilities of the ranks 1 to `items`."""
    weight = np.arange(1, items + 1, dtype=float) ** -exponent
    return weight / weight.sum()


def ttl_hit_ratio(p: np.ndarray, rate: float, ttl: float, reset: bool) -> float:
    """Poisson requests: 1 − e^{−λT} where a hit renews, λT/(1 + λT) where not (Fofack et al. 2012)."""
    x = p * rate * ttl
    return float(np.sum(p * (-np.expm1(-x) if reset else x / (1 + x))))


def jammed_density() -> float:
    """Random sequential adsorption on a line of places, where each that is taken keeps both neighbours free (Flory 1939)."""
    return (1 - np.exp(-2.0)) / 2


def che_hit_ratio(p: np.ndarray, capacity: int, fifo: bool) -> float:
    """Che's approximation (Che, Tung, Wang 2002), for FIFO and random as by Fricker, Robert, Roberts (2012)."""
    from scipy.optimize import brentq

    def present(t: float) -> np.ndarray:
        return p * t / (1 + p * t) if fifo else -np.expm1(-p * t)

    time = brentq(lambda t: present(t).sum() - capacity, 1.0, 1e9)
    return float(np.sum(p * present(time)))


def md1k_blocking(load: float, k: int) -> float:
    """Blocking of M/D/1/K (K in the system) from the chain at departures (Cooper 1981, 5.9).

    With π the chain on 0 … K−1 that a departing customer leaves behind: blocking = 1 − 1/(π₀ + ρ).
    """
    arrive = [math.exp(-load + n * math.log(load) - gammaln(n + 1)) for n in range(k + 1)]
    step = np.zeros((k, k))
    for i in range(k):
        left = max(i - 1, 0)
        for n in range(k):
            j = left + n
            if j < k - 1:
                step[i, j] = arrive[n]
        step[i, k - 1] = 1 - step[i, : k - 1].sum()
    a = np.vstack([step.T - np.eye(k), np.ones(k)])
    pi = np.linalg.lstsq(a, np.append(np.zeros(k), 1), rcond=None)[0]
    return float(1 - 1 / (pi[0] + load))


def fixed_window_share(mean: float, limit: int) -> float:
    """E[min(N, limit)]/E[N] for N Poisson: arrivals of one window."""
    below = sum(n * math.exp(-mean + n * math.log(mean) - gammaln(n + 1)) for n in range(1, limit + 1))
    more = gammainc(limit + 1, mean)  # P(N > limit)
    return float((below + limit * more) / mean)


def usl(n: int, time: float, serial: float, crosstalk: float) -> float:
    """Throughput of n saturated servers (Gunther 2007): n/(D·(1 + σ(n−1) + κn(n−1)))."""
    return n / (time * (1 + serial * (n - 1) + crosstalk * n * (n - 1)))


def mean_attempts(p: float, most: int) -> float:
    """Mean attempts where each fails with probability p: 1 + p + … + p^(most−1)."""
    return sum(p**k for k in range(most))
