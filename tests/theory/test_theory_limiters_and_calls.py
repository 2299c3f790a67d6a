"""What limiters let through, and how retries multiply attempts."""

from __future__ import annotations

from typing import Any

import pytest
from support import totals

from . import formulas
from .open_platforms import run
from .registry import agree, replicate

pytestmark = pytest.mark.theory


def passed(limiter: dict[str, Any], rate: float, length: float, seed: int) -> float:
    """Share of Poisson arrivals that pass a limiter."""
    service = {"limiters": {"gate": limiter}, "endpoints": {"get": {"steps": [{"pass": "gate"}]}}}
    result = run(service, rate, length, seed, 10)
    through, refused = result["limiter_passed"]["s.gate"], result["limiter_refused"]["s.gate"]
    return through / (through + refused)


@pytest.mark.parametrize("burst", [1, 5])
def test_a_token_bucket_is_a_queue_of_tokens_owed(burst: int) -> None:
    # What is owed drains like the work of M/D/1: an arrival conforms if at most (burst − 1)·T are owed, that is, if
    # fewer than `burst` are in the system. So it refuses as M/D/1/burst blocks, at the load λ/rate.
    limiter = {"kind": "token_bucket", "rate": "100/s", "burst": burst}
    found = replicate(lambda seed: passed(limiter, 120, 2_000, seed))
    name = "token bucket, burst 1" if burst == 1 else "token bucket, burst 5"
    agree(name, found, 1 - formulas.md1k_blocking(1.2, burst))


def test_a_fixed_window_passes_the_first_of_each() -> None:
    # 20 of a mean of 25 in 1 s
    limiter = {"kind": "fixed_window", "limit": 20, "window": "1 s"}
    found = replicate(lambda seed: passed(limiter, 25, 10_000, seed))
    agree("fixed window", found, formulas.fixed_window_share(25, 20))


def test_retries_multiply_attempts() -> None:
    # each attempt fails with probability 0.3; up to 4: 1 + 0.3 + 0.09 + 0.027 = 1.417 attempts, 1 − 0.3⁴ succeed
    retries = {"attempts": 4, "base": "10 ms"}
    services = {
        "a": {"endpoints": {"get": {"steps": [{"call": "b.get", "retries": retries}]}}},
        "b": {"endpoints": {"get": {"steps": [{"fail": "error", "with_probability": 0.3}]}}},
    }

    def one(seed: int) -> tuple[float, float]:
        result = totals({
            "platform": {"name": "r", "services": services, "sources": {"in": {"call": "a.get", "rate": "100/s"}}},
            "start": "1 s", "until": "1001 s", "warmup": "1 s", "window": "1000 s", "seed": seed,
        })  # fmt: skip
        asked = result["endpoint_arrivals"]["a.get"]
        return result["call_attempts"]["a.get>b.get"] / asked, result["endpoint_outcomes"]["a.get"]["ok"] / asked

    attempts, success = replicate(one)
    agree("retries, attempts", attempts, formulas.mean_attempts(0.3, 4))
    agree("retries, success", success, 1 - 0.3**4)
