"""Limiters: token bucket, GCRA, fixed and sliding window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Count, Duration, Rate

MOST_SLIDING = 2**16 - 1
"""Limit of a sliding window with a key: the record of each key has 16 bits for the count of a window."""


class Limiter(Word):
    """Refuses, or delays, what comes too fast."""

    kind: Literal["token_bucket", "gcra", "fixed_window", "sliding_window"]
    """Rule."""
    rate: Rate | None = None
    """Token bucket and GCRA: tokens gained per second."""
    burst: Count = Field(1, ge=1)
    """Token bucket and GCRA: bucket size."""
    limit: Count | None = None
    """Windows: how many pass in one."""
    window: Duration | None = None
    """Windows: length."""
    key: Literal["user", "address", "item"] | None = None
    """One limit for each; none: one for all."""
    when_full: Literal["refuse", "wait"] = "refuse"
    """Refuse with `throttled`, or wait in order."""
    max_wait: Duration | None = None
    """Refuse rather than wait longer; none: no bound."""

    @model_validator(mode="after")
    def _complete(self) -> Limiter:
        if self.kind in ("token_bucket", "gcra"):
            if not self.rate:
                raise ValueError(f"expected a rate above 0 for a {self.kind}")
            if self.limit is not None or self.window is not None:
                raise ValueError(f"expected rate and burst for a {self.kind}, found limit or window")
        else:
            if self.limit is None or not self.window:
                raise ValueError(f"expected limit and window for a {self.kind}")
            if self.rate is not None:
                raise ValueError(f"expected limit and window for a {self.kind}, found rate")
        if self.kind == "sliding_window" and self.when_full == "wait":
            raise ValueError("a sliding_window cannot wait; use a token_bucket, gcra or fixed_window")
        if self.kind == "fixed_window" and self.when_full == "wait" and (self.key is not None or not self.limit):
            raise ValueError("a fixed_window that waits needs a limit above 0 and no key")
        if self.kind == "sliding_window" and self.key is not None and (self.limit or 0) > MOST_SLIDING:
            raise ValueError(
                f"expected a limit of at most {MOST_SLIDING:,} for a sliding_window with a key, found {self.limit:,}: "
                "each key's counts have 16 bits; use a shorter window, or a token_bucket"
            )
        return self
