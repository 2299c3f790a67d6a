"""What happens by the clock: health checks, autoscalers, replicas that come back; docs/model.md, section 3.

# z = scalers, m = service, r = replicas
"""

import math

import numpy as np

from sfkernels.calendar import placed, schedule
from sfkernels.jit import hot, kernel
from sfkernels.names import CLASS_HOUSE, HOUSE_HEALTH, HOUSE_SCALE, HOUSE_SERVERS, HOUSE_UP
from sfkernels.stations import account

_ZERO = np.uint32(0)
STARTING = 2


@hot
def place_of(service, within):
    """Place of a thing of a service in the order of housekeeping."""
    return (np.uint64(service) << np.uint64(16)) | np.uint64(within)


@kernel
def schedule_house(clock, nodes, buckets, late, time, service, within, kind, index, gen):
    """Housekeeping event."""
    order = placed(CLASS_HOUSE, place_of(service, within), kind)
    schedule(clock, nodes, buckets, late, time, order, index, gen)


@kernel
def probe(clock, nodes, buckets, late, services, replicas, m):
    """Probe every replica of service m."""
    first = services[m].replica
    for r in range(first, first + services[m].replicas):
        good = replicas[r].up == 1
        if good == (replicas[r].healthy == 1):
            replicas[r].streak = 0
            continue
        replicas[r].streak += 1
        enough = services[m].healthy_after if good else services[m].unhealthy_after
        if replicas[r].streak >= enough:
            replicas[r].healthy = 1 if good else 0
            replicas[r].streak = 0
    time = clock[0].now + services[m].check_every
    schedule_house(clock, nodes, buckets, late, time, m, 0, HOUSE_HEALTH, m, _ZERO)


@kernel
def _desired(scalers, z, servers, utilisation):
    if servers <= 0.0:
        return scalers[z].min
    ratio = utilisation / scalers[z].target
    desired = servers
    if abs(ratio - 1.0) > 0.1:
        desired = math.ceil(servers * ratio - 1e-9)
    return min(scalers[z].max, max(scalers[z].min, desired))


@kernel
def _highest_of_recent(scalers, z, recommended):
    highest = 0.0
    for k in range(scalers[z].first, scalers[z].first + scalers[z].capacity):
        highest = max(highest, recommended[k])
    return highest


@kernel
def check_scaler(clock, nodes, buckets, late, stations, scalers, recommended, z):
    """Compare the utilisation of a station with its target. True if it has more servers at once."""
    s = scalers[z].station
    now = clock[0].now
    account(stations, s, now)
    servers = stations[s].servers
    busy = stations[s].busy - scalers[z].busy_at_check
    scalers[z].busy_at_check = stations[s].busy
    desired = _desired(scalers, z, servers, busy / (scalers[z].every * servers) if servers > 0.0 else 0.0)
    n = scalers[z].checks
    scalers[z].checks = n + 1
    recommended[scalers[z].first + n % scalers[z].capacity] = desired
    more = False
    if desired > servers and scalers[z].ordered == 0.0:
        if scalers[z].start_delay > 0.0:
            scalers[z].ordered = desired
            schedule_house(
                clock, nodes, buckets, late, now + scalers[z].start_delay, stations[s].service, s + 1, HOUSE_SERVERS, z,
                _ZERO,
            )  # fmt: skip
        else:
            stations[s].servers = desired
            more = True
    elif desired < servers and n + 1 >= scalers[z].capacity:
        stations[s].servers = min(servers, _highest_of_recent(scalers, z, recommended))
    schedule_house(
        clock, nodes, buckets, late, now + scalers[z].every, stations[s].service, s + 1, HOUSE_SCALE, z, _ZERO
    )
    return more


@kernel
def deliver_servers(clock, stations, scalers, z):
    """Ordered servers arrive."""
    s = scalers[z].station
    account(stations, s, clock[0].now)
    stations[s].servers = max(stations[s].servers, scalers[z].ordered)
    scalers[z].ordered = 0.0


@kernel
def bring_back(clock, nodes, buckets, late, services, replicas, r):
    """Replica r, which was down, starts."""
    m = replicas[r].service
    replicas[r].gen += np.uint32(1)
    if services[m].start_delay > 0.0:
        replicas[r].up = STARTING
        schedule_house(
            clock, nodes, buckets, late, clock[0].now + services[m].start_delay, m, 1, HOUSE_UP, r, replicas[r].gen
        )
    else:
        replicas[r].up = 1
