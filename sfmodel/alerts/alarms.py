"""Every alarm of a run: budgets that burn too fast, and cascades."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.burning import burn_alarms
from sfmodel.alerts.cascading import CASCADE, cascade_alarms, watch
from sfmodel.alerts.objectives import Objectives
from sfmodel.errors import ConfigError

if TYPE_CHECKING:
    import xarray as xr


def alarms(ds: xr.Dataset, objectives: Objectives, calm: xr.Dataset | None = None) -> list[Alarm]:
    """Every time that an alert fires on a run, earliest first.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    objectives
        What `read_objectives` returns.
    calm
        Dataset of a run of the same platform whose calm stretch says what is usual; none: this one.

    Raises
    ------
    ConfigError
        An objective names an endpoint that the run does not have; a window is not made of whole ones of the run.
    """
    _check_windows(objectives, float(ds.attrs["window_s"]))
    found = burn_alarms(ds, objectives)
    usual = ds if calm is None else calm
    if objectives.cascades is not None and ds.sizes["time"] and usual.sizes["time"]:
        found += cascade_alarms(ds, watch(usual, objectives.cascades))
    return sorted(found, key=lambda alarm: alarm.fires_s)


def _check_windows(objectives: Objectives, width_s: float) -> None:
    """Refuse windows that are not made of whole ones of the run."""
    for length_s in objectives.windows_s:
        parts = length_s / width_s
        if parts < 1 - 1e-9 or abs(parts - round(parts)) > 1e-9:
            raise ConfigError(
                f"alerts: expected windows made of whole ones of the run, {width_s:g} s, found {length_s:g} s"
            )


def kinds(objectives: Objectives) -> list[tuple[str, str]]:
    """Each alert that there is: the objective at stake, and its kind."""
    found = [(one.name, alert.said) for one in objectives.objectives for alert in one.alerts]
    return [*found, *([(objectives.cascades.objective, CASCADE)] if objectives.cascades else [])]
