"""What happens by the clock: health checks, autoscalers, replicas that come back; docs/model.md, section 3.

# z = scalers, m = service, r = replicas
"""

import math

import numpy as np

from sfkernels.adaptive import adapt
from sfkernels.calendar import placed, schedule
from sfkernels.jit import kernel
from sfkernels.names import (
    CLASS_CHANGE,
    CLASS_HOUSE,
    HOUSE_HEALTH,
    HOUSE_SCALE,
    HOUSE_SERVERS,
    HOUSE_UP,
    LAW_GRADIENT,
    LAW_UTILISATION,
)  # fmt: skip
from sfkernels.shedding import adjust
from sfkernels.stations import account

_ZERO = np.uint32(0)
STARTING = 2


@kernel
def schedule_house(clock, nodes, buckets, late, time, kind, index, gen):
    """Housekeeping event: ordered by kind, then by service or station."""
    order = placed(CLASS_HOUSE, (np.uint64(kind) << np.uint64(32)) | np.uint64(index), kind)
    schedule(clock, nodes, buckets, late, time, order, index, gen)


@kernel
def probe(clock, nodes, buckets, late, services, replicas, m):
    """Probe every replica of service m; one that is not probed any more is left alone."""
    if services[m].check_every <= 0.0:
        return
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
    schedule_house(clock, nodes, buckets, late, time, HOUSE_HEALTH, m, _ZERO)


@kernel
def _desired(scalers, z, servers, utilisation):
    if servers <= 0.0:
        return scalers[z].least
    ratio = utilisation / scalers[z].target
    desired = servers
    if abs(ratio - 1.0) > 0.1:
        desired = math.ceil(servers * ratio - 1e-9)
    return min(scalers[z].most, max(scalers[z].least, desired))


@kernel
def _highest_of_recent(scalers, z, recommended):
    highest = 0.0
    for k in range(scalers[z].first, scalers[z].first + scalers[z].capacity):
        highest = max(highest, recommended[k])
    return highest


@kernel
def mark_servers(stations, scalers, z, now):
    """Bring the integral of a scaled station's servers up to now."""
    scalers[z].servers_total += stations[scalers[z].station].servers * (now - scalers[z].marked)
    scalers[z].marked = now


@kernel
def _utilisation(stations, scalers, z, now):
    """Utilisation since the last check; begins the next period."""
    s = scalers[z].station
    account(stations, s, now)
    mark_servers(stations, scalers, z, now)
    busy = stations[s].busy - scalers[z].busy_before
    total = scalers[z].servers_total
    scalers[z].busy_before = stations[s].busy
    scalers[z].servers_total = 0.0
    return busy / total if total > 0.0 else 0.0


@kernel
def check_scaler(clock, nodes, buckets, late, stations, scalers, recommended, window, z):
    """Compare the utilisation of a station with its target. True if it has more servers at once."""
    s = scalers[z].station
    now = clock[0].now
    if scalers[z].law != LAW_UTILISATION:
        schedule_house(clock, nodes, buckets, late, now + scalers[z].every, HOUSE_SCALE, z, _ZERO)
        if scalers[z].law == LAW_GRADIENT:
            return adapt(stations, scalers, z, now)
        adjust(stations, scalers, window, z, now)
        return False
    servers = stations[s].servers
    desired = _desired(scalers, z, servers, _utilisation(stations, scalers, z, now))
    recommended[scalers[z].first + scalers[z].checks % scalers[z].capacity] = desired
    scalers[z].checks += 1
    schedule_house(clock, nodes, buckets, late, now + scalers[z].every, HOUSE_SCALE, z, _ZERO)
    if desired >= servers:
        scalers[z].fewer_since = -1.0
    elif scalers[z].fewer_since < 0.0:
        scalers[z].fewer_since = now
    if desired > servers and scalers[z].ordered == 0.0:
        if scalers[z].start_delay <= 0.0:
            stations[s].servers = desired
            return True
        scalers[z].ordered = desired
        schedule_house(clock, nodes, buckets, late, now + scalers[z].start_delay, HOUSE_SERVERS, z, _ZERO)
    elif desired < servers and now - scalers[z].down_after >= scalers[z].fewer_since:
        stations[s].servers = min(servers, _highest_of_recent(scalers, z, recommended))
    return False


@kernel
def deliver_servers(clock, stations, scalers, z):
    """Ordered servers arrive."""
    s = scalers[z].station
    account(stations, s, clock[0].now)
    mark_servers(stations, scalers, z, clock[0].now)
    stations[s].servers = scalers[z].ordered
    scalers[z].ordered = 0.0


@kernel
def bring_back(clock, nodes, buckets, late, services, replicas, r):
    """Replica r, which was down, starts."""
    m = replicas[r].service
    replicas[r].gen += np.uint32(1)
    if services[m].start_delay > 0.0:
        replicas[r].up = STARTING
        order = placed(CLASS_CHANGE, np.uint64(r), HOUSE_UP)
        schedule(clock, nodes, buckets, late, clock[0].now + services[m].start_delay, order, r, replicas[r].gen)
    else:
        replicas[r].up = 1
