"""CoDel for requests, as folly's `Codel` has it; docs/model.md, section 3.

# s = stations
Every task of the station is told when its turn comes, with how long it has waited (`sloughs`), also where it starts at once.
Cost: some 5 ns, and one comparison at a station without.
"""

from sfkernels.jit import kernel, out_of_line

SLOUGH = 2.0
"""In overload who has waited longer than so many targets goes."""


@kernel
def sloughs(stations, s, delay, now):
    """Whether the task whose turn it is has waited too long, as the waits of the last interval are."""
    out_of_line()
    if stations[s].codel_begins:
        stations[s].codel_begins = 0
        stations[s].codel_least = delay
        return False
    if now > stations[s].codel_ends:
        stations[s].codel_ends = now + stations[s].codel_interval
        stations[s].codel_overload = stations[s].codel_least > stations[s].codel_target
        stations[s].codel_least = delay
        return False
    stations[s].codel_least = min(stations[s].codel_least, delay)
    return stations[s].codel_overload and delay > SLOUGH * stations[s].codel_target
