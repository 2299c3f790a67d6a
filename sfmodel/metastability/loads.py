"""What a load is: stable, vulnerable or overloaded (Huang et al., Metastable Failures in the Wild, OSDI 2022).

One trigger that is not recovered from makes a load vulnerable, whichever it is. Stable is said of all triggers: only of a load at
which every size and duration of the map's design was recovered from, and that no seed takes down without a trigger. Of a
load at which fewer were tried, as of those that are added halfway between others, it is not known. Overloaded is a load that
takes down more than half of the seeds by itself.
"""

from __future__ import annotations

from sfmodel.metastability.cells import Seen, cells_at
from sfmodel.metastability.design import MapDesign
from sfmodel.metastability.recovery import State

NOT_KNOWN = "not known"


def state_of_load(seen: Seen, load: float, design: MapDesign) -> str:
    """Stable, vulnerable, overloaded or not known; empty: nothing has run.

    Parameters
    ----------
    seen
        What is known, of one set of interventions.
    load
        Level of demand.
    design
        Names the triggers of which all are to be recovered from.
    """
    found = [(seed, one.state) for cell, outs in seen.items() if cell.load == load for seed, one in outs.items()]
    if not found:
        return ""
    states, seeds = {state for _, state in found}, {seed for seed, _ in found}
    down = {seed for seed, state in found if state == State.DOWN_BY_ITSELF}
    if 2 * len(down) > len(seeds):
        return "overloaded"
    if State.NOT_RECOVERED in states:
        return "vulnerable"
    if down:
        return NOT_KNOWN
    recovered = {cell for cell, outcomes in seen.items() for one in outcomes.values() if one.state == State.RECOVERED}
    return "stable" if recovered.issuperset(cells_at(design, load)) else NOT_KNOWN
