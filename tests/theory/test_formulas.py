"""The formulas themselves, against values computed elsewhere and against each other."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from . import formulas
from .registry import COMPARISONS, LEVEL, oracle

LOGNORMAL_CV = math.sqrt(math.e - 1)
"""Coefficient of variation of a lognormal whose logarithm has standard deviation 1."""
HYPER_CV = math.sqrt((0.9 * 2 * 0.05**2 + 0.1 * 2 * 0.55**2) / 0.1**2 - 1)
"""Of 0.9 of Exp(0.05 s) and 0.1 of Exp(0.55 s): E[S²] = Σ p·2m²."""
MMC = "lambda=80/s mu=10/s c=10"
MMCK = "lambda=120/s mu=10/s c=10 K=30 (in system)"
ERLANG_A = "lambda=120/s mu=10/s patience rate=5/s c=10"
ITEMS = formulas.zipf(100_000, 0.9)
MVA = ("closed network (exact MVA)", "N=50 demands 20,50,10 ms think 1 s", "throughput")
PRIORITY = "priority, non-preemptive, M/M/1"
TTL = "Zipf 0.9 over 100000 items 1000 req/s TTL=60 s"
CACHE = "Zipf 0.9 over 100000 items capacity 5000"

ROWS = [
    (("Erlang B", "c=10 a=8", "blocking probability"), formulas.erlang_b(10, 8)),
    (("Erlang C", "c=10 a=8", "probability of waiting"), formulas.erlang_c(10, 8)),
    (("Erlang C", "c=100 a=95", "probability of waiting"), formulas.erlang_c(100, 95)),
    (("M/M/c", MMC, "mean wait in queue"), formulas.mmc_wait(80, 10, 10)),
    (("M/M/c", MMC, "P(wait > 50 ms)"), formulas.mmc_wait_above(80, 10, 10, 0.05)),
    (("M/M/c/K", MMCK, "blocking probability"), formulas.mmck(120, 10, 10, 30)[0]),
    (("M/M/c/K", MMCK, "mean wait of accepted"), formulas.mmck(120, 10, 10, 30)[1]),
    (("M/D/1", "lambda=8/s service=0.1 s", "mean wait in queue"), formulas.pollaczek_khinchine(8, 0.1, 0)),
    (
        ("M/G/1 lognormal", "lambda=8/s mean=0.1 s sigma(log)=1", "mean wait in queue"),
        formulas.pollaczek_khinchine(8, 0.1, LOGNORMAL_CV),
    ),
    (
        ("M/G/1 hyperexponential", "lambda=8/s 0.9 of 0.05 s and 0.1 of 0.55 s", "mean wait in queue"),
        formulas.pollaczek_khinchine(8, 0.1, HYPER_CV),
    ),
    (("Erlang A", ERLANG_A, "probability of abandoning"), formulas.erlang_a(120, 10, 10, 5)[0]),
    (("Erlang A", ERLANG_A, "probability of waiting"), formulas.erlang_a(120, 10, 10, 5)[1]),
    ((PRIORITY, "lambda=3/s,4/s mu=10/s", "mean wait, high class"), formulas.cobham([3, 4], 0.1, 0.02)[0]),
    ((PRIORITY, "lambda=3/s,4/s mu=10/s", "mean wait, low class"), formulas.cobham([3, 4], 0.1, 0.02)[1]),
    (("TTL cache (not reset by a hit)", TTL, "hit ratio"), formulas.ttl_hit_ratio(ITEMS, 1000, 60, False)),
    (("TTL cache (reset by a hit)", TTL, "hit ratio"), formulas.ttl_hit_ratio(ITEMS, 1000, 60, True)),
    (("LRU (Che)", CACHE, "hit ratio"), formulas.che_hit_ratio(ITEMS, 5000, fifo=False)),
    (("FIFO (Che)", CACHE, "hit ratio"), formulas.che_hit_ratio(ITEMS, 5000, fifo=True)),
    (("retries", "failure probability 0.3 up to 4 attempts", "mean attempts"), formulas.mean_attempts(0.3, 4)),
    (MVA, formulas.mva(50, [0.02, 0.05, 0.01], 1.0)[0]),
]


@pytest.mark.parametrize(("row", "computed"), ROWS, ids=[" ".join(row) for row, _ in ROWS])
def test_a_formula_gives_the_oracles_value(row: tuple[str, str, str], computed: float) -> None:
    assert computed == pytest.approx(oracle(*row), rel=3e-6, abs=6e-7)  # the oracles have six digits


def test_special_cases_agree() -> None:
    # M/M/1: C = ρ, wait ρ/(μ − λ); M/D/1/1 and M/M/1/1: a/(1 + a); M/M/c/c is Erlang's loss system
    assert formulas.mmc_wait(5, 10, 1) == pytest.approx(0.1)
    assert formulas.md1k_blocking(2.0, 1) == pytest.approx(2 / 3)
    assert formulas.erlang_b(1, 2.0) == pytest.approx(2 / 3)
    assert formulas.mmck(80, 10, 10, 10)[0] == pytest.approx(formulas.erlang_b(10, 8))
    assert formulas.mmc_sojourn_above(5, 10, 1, 0.3) == pytest.approx(math.exp(-5 * 0.3))
    assert formulas.erlang_a(80, 10, 10, 1e-9)[1] == pytest.approx(formulas.erlang_c(10, 8), rel=1e-4)
    # a long queue at a low load never blocks; with an overload the surplus is lost
    assert formulas.md1k_blocking(0.3, 12) == pytest.approx(0, abs=1e-9)
    assert formulas.md1k_blocking(3.0, 40) == pytest.approx(2 / 3, rel=1e-6)


def test_every_registered_comparison_is_made_once() -> None:
    # statically: the number of comparisons sets the level of each
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_theory_*.py"))
    assert len(set(COMPARISONS)) == len(COMPARISONS)
    made_with_names = {"Erlang B blocking, ", "M/G/1 wait, "}
    for name in COMPARISONS:
        stem = next((s for s in made_with_names if name.startswith(s)), None)
        if stem is not None:
            assert text.count(f'f"{stem}{{') == 1
        elif ", " in name and name.rsplit(", ", 1)[0].split(",")[0] in DISTRIBUTIONS:
            assert text.count(f'"{name.rsplit(", ", 1)[0]}": (') == 1
        else:
            assert text.count(f'"{name}"') == 1, name
    assert LEVEL ** len(COMPARISONS) == pytest.approx(0.99)


DISTRIBUTIONS = ("exponential", "lognormal", "gamma above 1", "gamma below 1", "hyperexponential")
