"""Causes: what a task was kept by longest, and what made it fail; docs/model.md, section 11.

# t = tasks, s = stations; a cause is the number of a thing: a station, a limiter, a queue, a service, the network
A task knows the longest part of its time (`worst`, and what it was spent on, `blame`), the longest since it holds a station
(`held`), and what its last failure came from (`fault`). Who calls takes over what the called task knows. A station knows what
its server time was used for lately (`blame`: one cause, drawn by the time it took), and up to four of the tasks that hold it: a
sample in which each is as likely as any other, since who comes takes the place of who has gone (random pairing: Gemulla,
Lehner and Haas, A Dip in the Reservoir, VLDB 2006). Cost: some 2 ns a part.
"""

import numpy as np

from sfkernels.jit import hot, kernel
from sfkernels.random import uniform

_HOLD, _USED = np.uint64(0x686F), np.uint64(0x7573)
FADING = 1.0 - 1.0 / 64.0
"""By how much less each earlier use of a station counts."""
PLACES = 4
"""Size of the sample of those that hold a station."""


@hot
def spent(tasks, i, seconds, cause):
    """A part of task i's time has ended."""
    if seconds > tasks[i].held:
        tasks[i].held = seconds
        tasks[i].held_blame = cause
        if seconds > tasks[i].worst:
            tasks[i].worst = seconds
            tasks[i].blame = cause


@kernel
def used(stations, s, cause, seconds, key):
    """Server time of station s went to this."""
    total = stations[s].weight * FADING + seconds
    stations[s].weight = total
    if cause != stations[s].blame and total * uniform(key, _USED) < seconds:
        stations[s].blame = cause


@hot
def holder(stations, s, place):
    """Task in one of the four places of the sample of those that hold station s, or -1."""
    if place == 0:
        return np.int64(stations[s].holder0)
    if place == 1:
        return np.int64(stations[s].holder1)
    if place == 2:
        return np.int64(stations[s].holder2)
    return np.int64(stations[s].holder3)


@hot
def _set_holder(stations, s, place, i):
    if place == 0:
        stations[s].holder0 = i
    elif place == 1:
        stations[s].holder1 = i
    elif place == 2:
        stations[s].holder2 = i
    else:
        stations[s].holder3 = i


@kernel
def hold(tasks, stations, s, i):
    """Task i begins to hold station s, and may be one of the sample."""
    tasks[i].held = 0.0
    tasks[i].held_blame = stations[s].cause
    u = uniform(tasks[i].key, _HOLD)
    gone = stations[s].lost + stations[s].others_lost
    if gone > 0:
        if u * gone >= stations[s].lost:
            stations[s].others_lost -= 1
            return
        stations[s].lost -= 1
    for place in range(PLACES):
        if holder(stations, s, place) < 0:
            _set_holder(stations, s, place, i)
            return
    place = np.int64(u * stations[s].in_service)
    if place < PLACES:
        _set_holder(stations, s, place, i)


@kernel
def let_go(tasks, stations, s, i):
    """Task i holds station s no longer."""
    place = 0
    while place < PLACES and holder(stations, s, place) != i:
        place += 1
    if place < PLACES:
        _set_holder(stations, s, place, -1)
        stations[s].lost += 1
    else:
        stations[s].others_lost += 1
    if stations[s].in_service == 1:
        stations[s].lost = 0
        stations[s].others_lost = 0
    used(stations, s, tasks[i].held_blame, np.float64(tasks[i].held), tasks[i].key)


@kernel
def burnt(stations, replicas, tasks, i, now):
    """Task i, which holds a station, has waited for a call: what it burnt of others meanwhile went to what it waited for."""
    r = tasks[i].replica
    for s in range(replicas[r].first_station, replicas[r].first_station + replicas[r].stations):
        if stations[s].waiting_cost > 0.0:
            used(stations, s, tasks[i].last, stations[s].waiting_cost * (now - tasks[i].since), tasks[i].key)
