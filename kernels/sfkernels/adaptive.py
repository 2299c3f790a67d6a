"""Adaptive limits: permits whose number follows the time they are held; docs/model.md, section 3.

# z = scalers, s = its station
Once a period, by the clock, as autoscalers: nothing is asked of a request, and its time is known by Little's law.
Source: Gradient2Limit and WindowedLimit of Netflix's concurrency-limits.
"""

import math

from sfkernels.jit import kernel, out_of_line
from sfkernels.stations import account

WARM_UP = 10
"""Periods whose plain mean the long average begins with."""


@kernel
def _average(scalers, z, time):
    """Bring the long average up to a period's time."""
    scalers[z].periods += 1
    if scalers[z].periods <= WARM_UP:
        scalers[z].warm_total += time
        scalers[z].long_s = scalers[z].warm_total / scalers[z].periods
    else:
        scalers[z].long_s += (time - scalers[z].long_s) * scalers[z].weight


@kernel
def learn(scalers, z, time, in_flight):
    """A period has passed in which the permits were held so long, so many of them: the limit follows."""
    _average(scalers, z, time)
    long = scalers[z].long_s
    if long > 2.0 * time:
        scalers[z].long_s = 0.95 * long
    limit = scalers[z].limit
    if in_flight < limit / 2.0:
        return
    gradient = max(0.5, min(1.0, scalers[z].tolerance * long / time))
    wanted = limit * gradient + scalers[z].allowance
    limit = limit * (1.0 - scalers[z].smoothing) + wanted * scalers[z].smoothing
    scalers[z].limit = max(scalers[z].least, min(scalers[z].most, limit))


@kernel
def adapt(stations, scalers, z, now):
    """Set the servers of a station by what happened since the last check. True if there are more."""
    out_of_line()
    s = scalers[z].station
    account(stations, s, now)
    servers = stations[s].servers
    if servers != math.floor(scalers[z].limit):
        scalers[z].limit = servers
    held = stations[s].busy - scalers[z].busy_before
    ends = stations[s].ends - scalers[z].ends_before
    pressed = stations[s].rejected + stations[s].queue
    in_flight = scalers[z].limit if pressed > scalers[z].pressed_before else held / scalers[z].every
    scalers[z].busy_before = stations[s].busy
    scalers[z].ends_before = stations[s].ends
    scalers[z].pressed_before = pressed
    if ends >= scalers[z].samples and held > 0.0:
        learn(scalers, z, held / ends, in_flight)
        stations[s].servers = math.floor(scalers[z].limit)
    return stations[s].servers > servers
