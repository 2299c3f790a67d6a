"""Which station a traced task queued at: its span has the time that it queued at all of them together.

Where a script names one station it is that. A task that was never served has waited for the one it would hold. Else the time is
divided as all waits at these stations were in the window in which the task ended, by the run's meters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.scripts import Script, Scripts

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.diagnosis.timelines import Traces


class Waits:
    """The waits at each station of a run, all replicas together.

    Parameters
    ----------
    ds
        Dataset of the run.
    scripts
        Those of its platform.
    """

    def __init__(self, ds: xr.Dataset, scripts: Scripts) -> None:
        """Read the meters of the stations."""
        self._scripts = scripts
        self._time_s = ds["time"].values.astype(float)
        self._waited: dict[str, NDArray[np.float64]] = {}
        if "station_queue" in ds:
            waited = ds["station_queue"].values
            for k, label in enumerate(ds["station"].values):
                name = str(label).partition("#")[0]
                self._waited[name] = self._waited.get(name, 0.0) + waited[:, k]

    def divided(self, traces: Traces, k: int, queued: int) -> list[tuple[str, int]]:
        """(station, ns) of the time that span k queued; these add up to it."""
        if not queued:
            return []
        script = self._scripts.of.get(traces.endpoint[k], Script())
        if script.held is not None and not traces.served[k]:
            return [(script.held, queued)]
        if len(script.stations) < 2:
            return [(script.stations[0] if script.stations else "", queued)]
        left = queued
        found = []
        for station, share in zip(script.stations[1:], self._shares(traces, k, script.stations)[1:], strict=True):
            time = min(left, round(queued * share))
            found.append((station, time))
            left -= time
        return [(script.stations[0], left), *found]

    def _shares(self, traces: Traces, k: int, stations: list[str]) -> list[float]:
        at_s = traces.begun_s[k] + traces.ended[k] / 1e9
        window = min(max(int(np.searchsorted(self._time_s, at_s, side="right")) - 1, 0), len(self._time_s) - 1)
        there = [self._waited.get(station) for station in stations]
        for when in (slice(window, window + 1), slice(max(0, window - 2), window + 1), slice(None)):
            waited = [0.0 if one is None else float(one[when].sum()) for one in there]
            if sum(waited) > 0:
                return [one / sum(waited) for one in waited]
        return [1.0, *[0.0] * (len(stations) - 1)]
