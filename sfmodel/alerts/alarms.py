"""Every alarm of a run: budgets that burn too fast, and cascades."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.burning import burn_alarms
from sfmodel.alerts.cascading import CASCADE, cascade_alarms, watch
from sfmodel.alerts.objectives import CascadeAlert, Objectives
from sfmodel.errors import ConfigError
from sfmodel.results import measures

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
        An objective names an endpoint that the run does not have; a window is not made of whole ones of the run, nor what
        `evaluable` leaves out.
    """
    _check_windows(objectives, float(ds.attrs["window_s"]))
    found = burn_alarms(ds, objectives)
    usual = ds if calm is None else calm
    if objectives.cascades is not None and ds.sizes["time"] and usual.sizes["time"]:
        found += cascade_alarms(ds, watch(usual, objectives.cascades))
    return sorted(found, key=lambda alarm: alarm.fires_s)


def evaluable(objectives: Objectives, width_s: float) -> tuple[Objectives, str | None]:
    """Leave out the alert on cascades where its times are not made of whole windows of a run.

    Parameters
    ----------
    objectives
        What `read_objectives` returns.
    width_s
        Width of the run's windows, s.

    Returns
    -------
    What can be evaluated, and what is left out, in words; none: nothing.
    """
    wrong = None if objectives.cascades is None else _unfit(objectives.cascades, width_s)
    if wrong is None:
        return objectives, None
    return objectives.model_copy(update={"cascades": None}), f"the alert on cascades is left out: {wrong}"


def _check_windows(objectives: Objectives, width_s: float) -> None:
    """Refuse windows that are not made of whole ones of the run."""
    for length_s in (length_s for one in objectives.objectives for length_s in one.windows_s):
        if not measures.is_multiple(length_s, width_s):
            raise ConfigError(
                f"alerts: expected windows made of whole ones of the run, {width_s:g} s, found {length_s:g} s"
            )
    wrong = None if objectives.cascades is None else _unfit(objectives.cascades, width_s)
    if wrong is not None:
        raise ConfigError(f"alerts: cascades: {wrong}")


def _unfit(alert: CascadeAlert, width_s: float) -> str | None:
    """What is wrong with the times of the alert on cascades, for a run with such windows; none: nothing."""
    for name, length_s in (("window", alert.window), ("lasting", alert.lasting)):
        if length_s and not measures.is_multiple(length_s, width_s):
            return f"expected '{name}' made of whole windows of the run, {width_s:g} s, found {length_s:g} s"
    return None


def kinds(objectives: Objectives) -> list[tuple[str, str]]:
    """Each alert that there is: the objective at stake, and its kind."""
    found = [(one.name, alert.said) for one in objectives.objectives for alert in one.alerts]
    return [*found, *([(objectives.cascades.objective, CASCADE)] if objectives.cascades else [])]
