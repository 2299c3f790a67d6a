"""Draws that are pure functions of (seed, who, what for).

A key is 64 bits; `mix` derives a key from a key; `uniform` is a draw. The finaliser is SplitMix64's
(Steele, Lea, Flood 2014), with the variant 13 constants of Stafford. Cost: some 2 ns a draw.
"""

import numpy as np

from sfkernels.jit import hot

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A = np.uint64(0xBF58476D1CE4E5B9)
_B = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)
_ONE = np.uint64(1)
_UNIT = 0.5**52


@hot
def mix(key, what):
    """Key of `what` under `key`; both u64."""
    z = key + (np.uint64(what) + _ONE) * _GOLDEN
    z = (z ^ (z >> _30)) * _A
    z = (z ^ (z >> _27)) * _B
    return z ^ (z >> _31)


@hot
def uniform(key, what):
    """Draw in the open interval (0, 1): the middle of one of 2^52 equal parts, which a double holds exactly."""
    return (np.float64(mix(key, what) >> _12) + 0.5) * _UNIT


@hot
def below(key, what, n):
    """Whole number in [0, n), n < 2^53."""
    return np.int64(uniform(key, what) * np.float64(n))
