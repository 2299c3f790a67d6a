"""A recorded series as a demand: its times on the platform's clock, its values over the mean of its normal hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.errors import ConfigError, nearest
from sfmodel.plan.series import has_zone, numbers, times_s
from sfmodel.schema.demand import Series

DAY_S = 86400.0

_KEY = "demand.series"
_SINCE_1970 = 1e8
"""Seconds that are no time of a day or two: three years."""
_AROUND_S = 3600.0

Times = NDArray[np.float64]


def recorded_times(series: Series) -> Times:
    """Times of a series, s since midnight of day 1.

    Raises
    ------
    ConfigError
        It cannot be read, or its day or its time zone is not told.
    """
    times, stamped = times_s(series.file, series.time, f"{_KEY}.time")
    return times - _midnight(series, times, stamped)


def recorded_level(series: Series, t: Times) -> Times:
    """Demand at times t (s since midnight of day 1), shape of t; 1 on average over the normal hours.

    Raises
    ------
    ConfigError
        The series does not cover these times or the normal hours, or has a gap there; the clocks change; it is no demand.
    """
    own, values = recorded_times(series), numbers(series.file, series.value, f"{_KEY}.value")
    if values.min() < 0:
        raise ConfigError(f"{_KEY}.value: '{series.file}' holds a negative demand ({values.min():g})")
    _check_covers(series, own, t[0], t[-1])
    _check_clocks(series, t[-1])
    normal = _normal_mean(series, own, values)
    return np.interp(t, own, _stretched(series, own, values / normal))


def _midnight(series: Series, times: Times, stamped: bool) -> float:
    """Midnight of day 1, on the scale of the times."""
    since_1970 = not stamped and bool(times[0] > _SINCE_1970)
    zone = _zone(series, since_1970)
    if series.day is None:
        return _first_midnight(times[0], zone) if stamped else 0.0
    if not stamped and not since_1970:
        raise ConfigError(
            f"{_KEY}.day: column '{series.time}' of '{series.file}' holds times of the day, which belong to no date; leave "
            f"day out, or say {_KEY}.day=null where a configuration names one"
        )
    try:
        return datetime.fromisoformat(f"{series.day}T00:00:00").replace(tzinfo=zone).timestamp()
    except ValueError:
        raise ConfigError(f"{_KEY}.day: expected a date such as '2014-04-14', found '{series.day}'") from None


def _first_midnight(time_s: float, zone: ZoneInfo) -> float:
    """The first midnight at or after a time (s since 1970)."""
    local = datetime.fromtimestamp(time_s, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight if midnight == local else midnight + timedelta(days=1)).timestamp()


def _zone(series: Series, since_1970: bool) -> ZoneInfo:
    """Time zone of the platform's clock; timestamps without one are on that clock, whichever it is.

    Seconds since 1970 are of UTC where a zone is named, else of that clock.
    """
    zoned = has_zone(series.file, series.time, f"{_KEY}.time")
    if zoned and series.zone is None:
        raise ConfigError(
            f"{_KEY}.time: column '{series.time}' of '{series.file}' holds timestamps with a time zone; say with "
            f"{_KEY}.zone in which zone the platform's clock runs, such as Europe/Berlin or UTC"
        )
    if not zoned and not since_1970 and series.zone is not None:
        raise ConfigError(
            f"{_KEY}.zone: column '{series.time}' of '{series.file}' holds times without a time zone, which are taken "
            "as they are; leave zone out"
        )
    try:
        return ZoneInfo(series.zone or "UTC")
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"{_KEY}.zone: there is no time zone '{series.zone}'; {nearest(str(series.zone), available_timezones())}"
        ) from None


def _check_covers(series: Series, own: Times, begin_s: float, until_s: float) -> None:
    if begin_s < own[0] or until_s > own[-1]:
        covered, needed = (
            [_written(series, time_s) for time_s in ends] for ends in ((own[0], own[-1]), (begin_s, until_s))
        )
        if series.day is not None:
            remedy = f"{_KEY}.day is {series.day}: choose another"
        elif own[0] > _SINCE_1970:
            remedy = f"its times seem to count from 1970: name day 1 with {_KEY}.day, such as 2024-01-31"
        else:
            remedy = "choose other hours, or a longer file"
        raise ConfigError(
            f"{_KEY}: '{series.file}' covers {' to '.join(covered)}, the run needs {' to '.join(needed)}, its warm-up "
            f"included; {remedy}"
        )
    _check_gaps(series, own, begin_s - _AROUND_S, until_s + _AROUND_S)


def _written(series: Series, time_s: float) -> str:
    """A time since midnight of day 1 on the platform's clock: with its date, where the file has dates."""
    times, stamped = times_s(series.file, series.time, f"{_KEY}.time")
    midnight = _midnight(series, times, stamped)
    if not midnight:
        return f"{clock(time_s, seconds=time_s % 60 != 0)} of day 1"
    found = datetime.fromtimestamp(midnight + time_s, _zone(series, not stamped))
    zone = f" {series.zone}" if series.zone else ""
    return f"{found:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + zone


def _check_gaps(series: Series, own: Times, low_s: float, high_s: float) -> None:
    """Between two times and around them there is one value for each, and no step is much longer than the file's usual one."""
    used = own[max(0, np.searchsorted(own, low_s, "right") - 1) : np.searchsorted(own, high_s, "left") + 1]
    steps, every = np.diff(used), np.diff(np.unique(own))
    if len(steps) and not steps.all():
        twice = used[int(np.argmin(steps))]
        raise ConfigError(
            f"{_KEY}.time: '{series.file}' has several rows for {_written(series, twice)}, and no demand has two values "
            "at a time; keep one of them"
        )
    usual = float(np.median(every)) if len(every) else 0.0
    if len(steps) and steps.max() > 1.5 * usual:
        gap = used[int(np.argmax(steps))]
        raise ConfigError(
            f"{_KEY}: '{series.file}' has a gap of {steps.max():g} s at {_written(series, gap)}, where its step is "
            f"{usual:g} s; fill it"
        )


def _check_clocks(series: Series, until_s: float) -> None:
    """Where clocks change, hours since midnight are not the time of day."""
    if series.zone is None:
        return
    midnight = _midnight(series, *times_s(series.file, series.time, f"{_KEY}.time"))
    first, last = (datetime.fromtimestamp(midnight + s, ZoneInfo(series.zone)) for s in (0.0, until_s))
    if first.utcoffset() != last.utcoffset():
        raise ConfigError(
            f"{_KEY}.day: clocks in {series.zone} change between {first:%Y-%m-%d} 00:00 and the end of the run; choose "
            "another day"
        )


def _normal_mean(series: Series, own: Times, values: Times) -> float:
    """Mean of the values over the normal hours of day 1."""
    begin_s, until_s = series.normal
    hours = f"{_KEY}.normal: the normal hours {clock(begin_s)}–{clock(until_s)} of day 1"
    if begin_s < own[0] or until_s > own[-1]:
        raise ConfigError(f"{hours} are not in '{series.file}'; name hours that it covers")
    _check_gaps(series, own, begin_s, until_s)
    mean = float(np.mean(np.interp(np.linspace(begin_s, until_s, 361), own, values)))
    if mean == 0:
        raise ConfigError(f"{hours} have a mean of 0 in '{series.file}', so nothing can be measured by it")
    return mean


def _stretched(series: Series, own: Times, level: Times) -> Times:
    """The level, where a peak is wanted stretched about 1 so that the highest of day 1 is the peak."""
    if series.peak is None:
        return level
    top = float(level[(own >= 0) & (own <= DAY_S)].max())
    if top <= 1:
        raise ConfigError(f"{_KEY}.peak: the highest value of '{series.file}' is not above its normal hours")
    return np.maximum(0.0, 1 + (level - 1) * (series.peak - 1) / (top - 1))
