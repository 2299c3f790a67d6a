"""Draws against known values and known functions."""

from __future__ import annotations

import numpy as np
import pytest
from alone import fewer
from scipy import special

from sfkernels.durations import gamma_draw, normal_quantile
from sfkernels.random import below, mix, uniform

pytestmark = pytest.mark.interpreted


def test_mix_is_splitmix64() -> None:
    # the first outputs for seed 0, as of the reference implementation (Vigna 2015, splitmix64.c)
    known = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC)
    with np.errstate(over="ignore"):
        assert tuple(int(mix(np.uint64(0), np.uint64(n))) for n in range(4)) == known


def test_draws_stay_inside_and_differ() -> None:
    with np.errstate(over="ignore"):
        u = [uniform(np.uint64(1), np.uint64(n)) for n in range(fewer(5000, 500))]
        k = [below(np.uint64(2), np.uint64(n), 3) for n in range(200)]
    assert 0 < min(u) < 0.01
    assert 0.99 < max(u) < 1
    assert len(set(u)) == len(u)
    assert set(k) == {0, 1, 2}


def key_that_mixes_to(bits: int) -> np.uint64:
    """The finaliser of `mix` undone."""

    def unshifted(z: int, by: int) -> int:
        x = z
        for _ in range(64 // by):
            x = z ^ (x >> by)
        return x

    z = unshifted(bits, 31) * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
    z = unshifted(z, 27) * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
    return np.uint64((unshifted(z, 30) - 0x9E3779B97F4A7C15) % 2**64)


@pytest.mark.parametrize(("bits", "expected"), [(0, 0.5**53), (2**64 - 1, 1 - 0.5**53), (2**63, 0.5 + 0.5**53)])
def test_the_ends_of_the_interval_are_not_drawn(bits: int, expected: float) -> None:
    with np.errstate(over="ignore"):
        key = key_that_mixes_to(bits)
        assert int(mix(key, np.uint64(0))) == bits
        assert 0 < uniform(key, np.uint64(0)) == expected < 1


def test_the_normal_quantile() -> None:
    p = np.concatenate([np.logspace(-300, -1, 60), np.linspace(0.1, 0.9, 41), 1 - np.logspace(-15, -1, 30)])
    np.testing.assert_allclose([normal_quantile(x) for x in p], special.ndtri(p), rtol=3e-14, atol=1e-15)


def test_gamma_of_one_key_does_not_change_with_the_scale() -> None:
    with np.errstate(over="ignore"):
        for shape in (0.3, 1.0, 4.0):
            a = [gamma_draw(shape, 1.0, np.uint64(n), np.uint64(3)) for n in range(50)]
            b = [gamma_draw(shape, 2.5, np.uint64(n), np.uint64(3)) for n in range(50)]
            np.testing.assert_allclose(b, 2.5 * np.array(a), rtol=1e-14)
            assert min(a) > 0
