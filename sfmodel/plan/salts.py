"""Names of draws: 64 bits from a text, so that adding a thing shifts no draw of another."""

from __future__ import annotations

import hashlib

import numpy as np


def salt(*names: str) -> np.uint64:
    """64-bit hash of a path of names."""
    digest = hashlib.blake2b("/".join(names).encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))
