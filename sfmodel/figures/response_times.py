"""How response times are spread: the share of requests slower than t, in normal hours and in peak hours.

The tail is what users remember, so the share slower than t is drawn on logarithmic axes: a mean cannot be read off, a
p99 can (where the curve crosses 1 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sfmodel.figures.style import GREY, legend, line_style, logarithmic, new_figure, tidy
from sfmodel.results import measures
from sfmodel.results.summary import PERIODS, period_windows, request_latency
from sfmodel.results.variables import LATENCY_BINS, LATENCY_EDGES

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


def response_times(ds: xr.Dataset) -> Figure:
    """Draw the share of requests slower than t for each period of the run."""
    figure = new_figure(5.5, 4.2, "Response times", "share of requests slower than t, failures included")
    axes = figure.add_axes((0.13, 0.13, 0.83, 0.68))
    histogram = request_latency(ds)
    if histogram is not None:
        narrow = histogram.to_dataset(name="latency_counts")
        for number, (period, windows) in enumerate(period_windows(ds).items()):
            folded = measures.fold(narrow, windows)["latency_counts"]
            counts = folded.sum([dim for dim in folded.dims if dim != "latency"]).values
            if counts.sum():
                slower = 100 * (1 - np.cumsum(counts) / counts.sum())
                shown = (slower > 0) & (slower < 99.99)
                axes.plot(
                    LATENCY_EDGES[1:][shown],
                    slower[shown],
                    label=PERIODS[period],
                    **line_style(number, LATENCY_BINS // 3),
                )
        axes.set_xscale("log")
        axes.set_yscale("log")
        logarithmic(axes.xaxis)
        logarithmic(axes.yaxis)
        axes.set_ylim(0.01, 130)
    for share in (5, 1):
        axes.axhline(share, color=GREY, linewidth=0.6, linestyle=(0, (2, 2)))
    tidy(axes, "", "% slower than t")
    axes.set_xlabel("t, s", fontsize=8)
    legend(axes)
    return figure
