"""When the alert on cascades fires: a service and the calls that it makes to another are in trouble at the same time.

What is usual of each comes from the calm stretch of a run, as in diagnosis. Over the last minute (`window`) more fails than
usual, or it takes longer, by what the file of objectives says, by so many standard deviations of the calm stretch, and by so many
standard errors of what ends in a minute of it; both ends have been so for a while (`lasting`). These are numbers that a rule for
Prometheus can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.objectives import CascadeAlert
from sfmodel.diagnosis.course import FEW, Ended, Usual, course, higher_share, standard_error, usual
from sfmodel.diagnosis.course import ended as ended_of
from sfmodel.diagnosis.scene import Pair, Scene, places
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

CASCADE = "a cascade"

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Watched:
    """A service, or the calls from one service to another, and when it is in trouble."""

    of: Literal["endpoint", "call"]
    labels: tuple[str, ...]
    """Endpoints, or call sites."""
    usual: Usual
    """What is usual of each."""
    failing: float
    """In trouble if so much more of what ends fails than usual,"""
    slow: float
    """or if it takes so many times as long as usual,"""
    few: float = FEW
    """and so much ends within a window of the alert."""


@dataclass(frozen=True)
class Watch:
    """What the alert looks at, with the numbers that a calm stretch gives."""

    alert: CascadeAlert
    services: Mapping[str, Watched]
    calls: Mapping[Pair, Watched]
    """By caller and callee, of two services."""


def watch(ds: xr.Dataset, alert: CascadeAlert) -> Watch:
    """What is usual of a run's services and of their calls, and from where on it is trouble.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication, with at least one window.
    alert
        The words of the file of objectives.
    """
    if "edge_from" not in ds:
        return Watch(alert, {}, {})
    scene = Scene(ds)
    here = {of: ended_of(ds, of) for of in ("endpoint", "call")}
    names = {of: [str(label) for label in ds[of].values] for of in ("endpoint", "call")}

    calm_s = float(ds["width"].values[scene.calm].sum())

    def watched(of: Literal["endpoint", "call"], rows: list[int]) -> Watched:
        own = here[of].of(rows)
        known = usual(own, scene.calm)
        error = alert.deviations * standard_error(np.array(max(FEW, known.count * alert.window / calm_s)), known.count)
        share = float((own.count[scene.calm].sum(axis=0) * known.failing).sum() / max(known.count, 1.0))
        return Watched(
            of, tuple(names[of][k] for k in rows), known,
            max(alert.failing, alert.deviations * known.failing_noise, float(higher_share(np.array(share), error)) - share),
            max(alert.slow, 1 + alert.deviations * known.slow_noise, float(np.exp(error))),
        )  # fmt: skip

    pairs = [pair for pair in dict.fromkeys(scene.calls) if pair[0] != pair[1]]
    return Watch(
        alert,
        {name: watched("endpoint", places(scene.owner, name)) for name in dict.fromkeys(scene.owner)},
        {pair: watched("call", places(scene.calls, pair)) for pair in pairs},
    )


def cascade_alarms(ds: xr.Dataset, watch: Watch) -> list[Alarm]:
    """Every time that a service is in trouble together with what it calls, earliest first."""
    ends_s = (ds["time"].values + ds["width"].values).astype(float)
    services = {name: badness(ds, one, watch.alert.window) for name, one in watch.services.items()}
    found = []
    for (caller, callee), one in watch.calls.items():
        troubled = (badness(ds, one, watch.alert.window) > 0) & (services[caller] > 0)
        for when in measures.stretches(troubled):
            fires = np.flatnonzero(ends_s[when] >= ends_s[when.start] + watch.alert.lasting - 1e-6)
            if not len(fires):
                continue
            ends = float(ends_s[min(when.stop, len(ends_s) - 1)])
            worst = float(services[caller][when].max())
            data = {"source": callee, "target": caller, "of_the_limit": worst}
            found.append(
                Alarm(
                    watch.alert.objective, CASCADE, f"{callee} drags down {caller}", float(ends_s[when.start + fires[0]]), ends,
                    when.stop == len(ends_s), f"{worst:.3g} × its limit", data,
                )
            )  # fmt: skip
    return sorted(found, key=lambda alarm: alarm.fires_s)


def badness(ds: xr.Dataset, watched: Watched, window_s: float, above: float = 1.0) -> Series:
    """How far above its limit something is at the end of each window, 0 where it is not above, shape [time].

    Of what fails too often that is how often, of the rest how slow it is.
    """
    rows = [int(k) for k in ds.indexes[watched.of].get_indexer(list(watched.labels))]
    known = [k for k, row in enumerate(rows) if row >= 0]
    own = _over(ended_of(ds, watched.of), ds, window_s).of([rows[k] for k in known])
    part = Usual(watched.usual.failing[known], watched.usual.seconds[known], 0.0, 0.0, watched.usual.count)
    found = course(own, part)
    failing = found.failing / watched.failing
    worse = np.where(failing > 1, failing, found.slow / watched.slow)
    return np.where((found.count >= watched.few) & (worse > above), worse, 0.0)


def _over(one: Ended, ds: xr.Dataset, window_s: float) -> Ended:
    """What ended in the time before the end of each window; of the first windows what there is."""
    ends_s = (ds["time"].values + ds["width"].values).astype(float)
    first = np.searchsorted(ds["time"].values, ends_s - window_s - 1e-6)

    def summed(array: Series) -> Series:
        sums = np.concatenate([np.zeros((1, array.shape[1])), np.cumsum(array, axis=0)])
        return np.asarray(sums[1:] - sums[first])

    return Ended(*(summed(array) for array in (one.count, one.failed, one.every, one.seconds)))
