"""Every value of every window of a run, as bits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support import simulated

Windows = list[dict[str, NDArray]]


def windows_of(mapping: Mapping[str, Any]) -> Windows:
    """Values of each window."""
    return [{name: np.asarray(value).copy() for name, value in window.items()} for window in simulated(mapping)[1]]


def assert_same_bits(found: Windows, expected: Windows, names: Iterable[str] | None = None) -> None:
    """Assert that two runs have the same values, to the bit; all of them, or those named."""
    assert len(found) == len(expected)
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        chosen = a.keys() | b.keys() if names is None else names
        for name in chosen:
            assert a[name].tobytes() == b[name].tobytes(), f"window {k}: {name} differs: {a[name]} and {b[name]}"


def fingerprint(windows: Windows) -> str:
    """Hash of all bits."""
    digest = hashlib.blake2b(digest_size=16)
    for window in windows:
        for name in sorted(window):
            digest.update(name.encode() + window[name].tobytes())
    return digest.hexdigest()
