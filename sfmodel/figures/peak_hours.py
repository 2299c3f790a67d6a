"""The evening on one page, to hang on a wall: what came in, what it did to users, and where it hurt; peak hours shaded.

Works for any platform: `conf/figures/<platform>.yaml` may list the panels and name what they show; without it they are
those for which the dataset has something to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.errors import ConfigError, nearest
from sfmodel.figures.panels import PANELS, Evening, Lines, Panel, plot
from sfmodel.figures.style import clock, clock_axis, legend, new_figure, tidy
from sfmodel.results import measures
from sfmodel.results.summary import hours_of, request_latency

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENERIC = (
    "demand", "response_time", "errors", "hit_rate", "utilisation", "waiting", "limiter_use", "station_time",
    "endpoint_time", "queue_length",
)  # fmt: skip
"""Panels of a platform that names none."""

_WIDTHS_S = (10, 30, 60, 300, 600, 1800, 3600, 21600)
_MOST_POINTS = 150


def peak_hours(ds: xr.Dataset, panels: Sequence[Panel] | None = None) -> Figure:
    """Draw the evening.

    Parameters
    ----------
    ds
        Dataset of a run.
    panels
        Panels in order; none: those of the platform's file, else the generic ones.
    """
    evening = _evening(ds)
    wanted = panels if panels is not None else platform_panels(ds)
    shown = [(panel, lines) for panel in wanted if (lines := PANELS[panel.panel][0](evening, panel.show)) is not None]
    rows = max(1, -(-len(shown) // 2))
    height_in = 1.1 + 2.05 * rows
    figure = new_figure(8.3, height_in, _title(ds), _small_print(ds, evening))
    grid = figure.add_gridspec(
        rows, 2, left=0.08, right=0.97, top=1 - 0.95 / height_in, bottom=0.45 / height_in, hspace=0.42, wspace=0.2
    )
    for k, (panel, lines) in enumerate(shown):
        _draw_panel(figure.add_subplot(grid[k // 2, k % 2]), ds, evening, panel, lines)
    return figure


def platform_panels(ds: xr.Dataset) -> list[Panel]:
    """Panels of the platform's own file under `conf/figures`, else the generic ones."""
    name = str(ds.attrs.get("platform") or "")
    for root in (Path.cwd() / "conf", Path(__file__).parents[1] / "conf", Path(__file__).parents[2] / "conf"):
        path = root / "figures" / f"{name}.yaml"
        if name and path.is_file():
            return read_panels(path)
    return [Panel(panel) for panel in GENERIC]


def read_panels(path: Path) -> list[Panel]:
    """Read a list of panels from a YAML file.

    Raises
    ------
    ConfigError
        A panel is unknown, or a key is.
    """
    from omegaconf import OmegaConf

    content: Any = OmegaConf.to_container(OmegaConf.load(path))
    return [_panel(entry, f"{path}: panels.{k}") for k, entry in enumerate(content["panels"])]


def _panel(entry: Mapping[str, Any], where: str) -> Panel:
    for key in entry:
        if key not in ("panel", "title", "show"):
            raise ConfigError(f"{where}: unknown key '{key}'; {nearest(key, ('panel', 'title', 'show'))}")
    panel = Panel(**entry)
    if panel.panel not in PANELS:
        raise ConfigError(f"{where}.panel: unknown panel '{panel.panel}'; {nearest(panel.panel, PANELS)}")
    return panel


def _evening(ds: xr.Dataset) -> Evening:
    span_s = float(ds["width"].sum())
    width_s = next((w for w in _WIDTHS_S if w >= ds.attrs["window_s"] and span_s / w <= _MOST_POINTS), _WIDTHS_S[-1])
    names = [str(name) for name in ds.data_vars if not str(name).endswith(("_latency", "_latency_ok"))]
    histogram = request_latency(ds)
    latency = None
    if histogram is not None:
        latency = measures.coarsen(histogram.to_dataset(name="latency_counts"), width_s)["latency_counts"]
    return Evening(measures.coarsen(ds, width_s, names), latency, limits_per_s(ds))


def limits_per_s(ds: xr.Dataset) -> dict[str, float]:
    """Configured rate, 1/s, of each limiter that is one for the whole platform, where the attributes tell."""
    config = ds.attrs.get("config")
    services = config["platform"]["services"] if isinstance(config, dict) and "platform" in config else {}
    limits = {}
    for service, written in services.items():
        for name, limiter in (written.get("limiters") or {}).items():
            rate_per_s = _limit_per_s(limiter)
            if rate_per_s is not None:
                limits[f"{service}.{name}"] = rate_per_s
    return limits


def _limit_per_s(limiter: Mapping[str, Any]) -> float | None:
    from sfmodel.schema.quantities import to_duration_s, to_rate_per_s

    if limiter.get("key") is not None:
        return None
    if limiter.get("rate") is not None:
        return float(to_rate_per_s(limiter["rate"]))
    return float(limiter["limit"]) / float(to_duration_s(limiter["window"]))


def _draw_panel(axes: Axes, ds: xr.Dataset, evening: Evening, panel: Panel, lines: Lines) -> None:
    plot(axes, evening.time_s, lines)
    tidy(axes, panel.title or PANELS[panel.panel][1], lines.unit)
    start_s = float(ds["time"].values[0])
    end_s = float(ds["time"].values[-1] + ds["width"].values[-1])
    _shade_peak(axes, ds, start_s, end_s)
    clock_axis(axes, start_s, end_s)
    legend(axes)


def _shade_peak(axes: Axes, ds: xr.Dataset, start_s: float, end_s: float) -> None:
    hours = hours_of(ds, "peak")
    if hours is None:
        return
    length_s = (hours[1] - hours[0]) % measures.DAY_S or measures.DAY_S
    for day in range(-1, int(end_s // measures.DAY_S) + 1):
        low = hours[0] + day * measures.DAY_S
        if low < end_s and low + length_s > start_s:
            axes.axvspan(max(low, start_s), min(low + length_s, end_s), color="#F0E6D2", linewidth=0, zorder=0)


def _title(ds: xr.Dataset) -> str:
    platform = ds.attrs.get("title") or ds.attrs.get("platform") or "platform"
    scenario = ds.attrs.get("scenario")
    return str(platform) + (f" · {scenario}" if scenario and scenario != "none" else "")


def _small_print(ds: xr.Dataset, evening: Evening) -> str:
    start_s = float(ds["time"].values[0])
    end_s = float(ds["time"].values[-1] + ds["width"].values[-1])
    width_s = float(evening.coarse["width"].values.max())
    width = f"{width_s / 60:g} min" if width_s >= 60 else f"{width_s:g} s"
    parts = [f"{clock(start_s)}–{clock(end_s)}, each point {width}"]
    hours = hours_of(ds, "peak")
    if hours is not None:
        parts.append(f"peak hours {clock(hours[0])}–{clock(hours[1])} shaded")
    parts += [f"{name} {ds.attrs[name]}" for name in ("seed", "version") if name in ds.attrs]
    return " · ".join(parts)
