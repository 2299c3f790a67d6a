"""Calls that are made only where a cache had no entry, found in the compiled programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sfkernels import names

_ENDS = (names.OP_RETURN, names.OP_FAIL)
_TWO_WAYS = (names.OP_LOOKUP, names.OP_MISS, names.OP_AWAITED)


def guards(arrays: Mapping[str, NDArray], sites: int) -> list[int]:
    """Number of the cache whose miss each call site is behind, shape [site]; of several the innermost, of none -1."""
    ops = arrays["ops"]
    found, least = [-1] * sites, [len(ops) + 1] * sites
    for op in ops[ops["code"] == names.OP_LOOKUP]:
        missed = _reached(arrays, int(op["other"])) - _reached(arrays, int(op["next"]))
        for site in ops["a"][[k for k in missed if ops["code"][k] == names.OP_CALL]]:
            if len(missed) < least[site]:
                found[site], least[site] = int(op["a"]), len(missed)
    return found


def _reached(arrays: Mapping[str, NDArray], start: int) -> set[int]:
    """Operations that a task may come to after one, and that one."""
    reached: set[int] = set()
    ahead = [start]
    while ahead:
        k = ahead.pop()
        if k >= 0 and k not in reached:
            reached.add(k)
            ahead += _next(arrays, k)
    return reached


def _next(arrays: Mapping[str, NDArray], k: int) -> Iterator[int]:
    """Operations that may come right after one."""
    op = arrays["ops"][k]
    code = op["code"]
    if code in _ENDS:
        return
    yield int(op["next"])
    if op["probability"] < 1:
        yield int(op["skip"])
    if code in _TWO_WAYS:
        yield int(op["other"])
    if code in (names.OP_LOOKUP, names.OP_MISS):
        yield int(op["third"])
    if code == names.OP_FORK:
        yield from arrays["branches"][op["a"] : op["a"] + op["b"]].tolist()
    if code == names.OP_CHOOSE:
        yield from arrays["choices"]["pc"][op["a"] : op["a"] + op["b"]].tolist()
    yield from np.unique(arrays["handlers"][op["handlers"]]).tolist()
