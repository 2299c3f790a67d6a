"""Shedding by priority, as WeChat's DAGOR does it; docs/model.md, section 3.

# s = stations, z = scalers; window[row, level] = arrivals of the period, window[row, LEVELS * USER_GROUPS] = admitted
A task asks when it comes to the station (`sheds`); the admission level is set once a period, by the clock, as autoscalers
are. Cost: some 10 ns an arrival, and one comparison at a station that sheds nothing.
Source: Zhou et al., Overload Control for Scaling WeChat Microservices, SoCC 2018.
"""

import math

import numpy as np

from sfkernels.jit import kernel, out_of_line
from sfkernels.keys import NOBODY
from sfkernels.names import LEVELS, REJECTED, USER_GROUPS
from sfkernels.random import mix
from sfkernels.stations import account

ADMITTED = LEVELS * USER_GROUPS
TOP = ADMITTED - 1
HOUR_S = 3600.0


@kernel
def _level(tasks, i, now):
    level = np.int64(tasks[i].priority) * USER_GROUPS
    if tasks[i].user == NOBODY:
        return level
    hour = np.uint64(math.floor(now / HOUR_S))
    return level + np.int64(mix(np.uint64(tasks[i].user), hour) % np.uint64(USER_GROUPS))


@kernel
def sheds(tasks, stations, window, s, i, now):
    """Task i comes to station s; True if it is turned away for its level."""
    out_of_line()
    row = stations[s].shedder
    level = _level(tasks, i, now)
    window[row, level] += 1
    if level <= stations[s].level:
        window[row, ADMITTED] += 1
        return False
    stations[s].arrivals += 1
    stations[s].rejected += 1
    tasks[i].outcome = REJECTED
    return True


@kernel
def set_level(stations, scalers, window, z, overloaded):
    """Move the admission level by the arrivals of the period; the next begins."""
    s = scalers[z].station
    row = stations[s].shedder
    level = np.int64(stations[s].level)
    below = np.float64(window[row, ADMITTED])
    if overloaded:
        wanted = below * (1.0 - scalers[z].decrease)
        while below > wanted and level > 0:
            below -= window[row, level]
            level -= 1
    elif level < TOP:
        arrivals = 0
        for n in range(ADMITTED):
            arrivals += window[row, n]
        wanted = below + scalers[z].increase * arrivals
        level += 1
        below += window[row, level]
        while below < wanted and level < TOP:
            level += 1
            below += window[row, level]
    stations[s].level = level
    for n in range(ADMITTED + 1):
        window[row, n] = 0


@kernel
def adjust(stations, scalers, window, z, now):
    """Set the admission level of a station by what happened since the last check."""
    out_of_line()
    s = scalers[z].station
    account(stations, s, now)
    wait = stations[s].wait - scalers[z].wait_before
    starts = stations[s].starts - scalers[z].starts_before
    scalers[z].wait_before = stations[s].wait
    scalers[z].starts_before = stations[s].starts
    overloaded = wait > scalers[z].queuing * starts or (starts == 0 and stations[s].waiting > 0)
    set_level(stations, scalers, window, z, overloaded)
