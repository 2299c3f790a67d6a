"""Times of day as people write them."""

from __future__ import annotations


def clock(time_s: float, seconds: bool = False) -> str:
    """Time of s since midnight of day 1: 20:30, or 20:30:05; on later days the hours go on, 26:00; before, -0:30."""
    whole = abs(round(time_s))
    hours = f"{whole // 3600:02d}" if round(time_s) >= 0 else f"-{whole // 3600}"
    return f"{hours}:{whole // 60 % 60:02d}" + (f":{whole % 60:02d}" if seconds else "")
