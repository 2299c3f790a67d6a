"""What a run shows while it goes on: simulated time, speed, time left, and the headline figures of the last minute.

Before that, how far the warm-up is. On a terminal a few lines that are redrawn at most four times a second; elsewhere one
plain line when the warm-up begins, and one every tenth of the run. An update costs some 30 µs: it adds up a few small
arrays, and draws only when it is time to.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.results.measures import quantiles_s
from sfmodel.results.variables import OUTCOMES

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live as RichLive

    from sfmodel.schema.run import Run

_REDRAW_S = 0.25
_MEMORY_S = 60.0
_SPEED_OVER_S = 10.0
_OK = OUTCOMES.index("ok")

Values = Mapping[str, NDArray[np.generic]]
Report = Callable[[float, str], None]
"""Takes the share of a run that is done, and its state in words."""


@dataclass
class _Window:
    """What one window contributes to the headline figures."""

    end_s: float
    answered: int
    failed: int
    time_s: float
    latency: NDArray[np.int64]
    hits: int
    lookups: int


class Live:
    """Shows a run under way; use as a context manager.

    Parameters
    ----------
    run
        The run: its name, start and end.
    labels
        Labels of the dimensions, as the recorder takes them.
    console
        Where to show it; none: standard error.
    log
        Called with each plain line, such as a logger's `info`, on a terminal too.
    report
        Called at most four times a second with the share that is done and the state in words, in place of any display;
        none: the run is displayed.
    name
        Of the run, as it is shown; none: as the run or its platform is called.
    """

    def __init__(
        self,
        run: Run,
        labels: Mapping[str, Sequence[str]],
        console: Console | None = None,
        log: Callable[[str], object] | None = None,
        report: Report | None = None,
        name: str | None = None,
    ) -> None:
        """Show nothing yet."""
        from rich.console import Console

        self._name = name or run.name or run.platform.name
        self._start_s, self._until_s, self._warmup_s = float(run.start), float(run.until), float(run.warmup)
        self._labels = labels
        self._roots = _root_rows(labels)
        self._console = console or Console(stderr=True)
        self._log = log
        self._report = report
        self._recent: deque[_Window] = deque()
        self._speeds: deque[tuple[float, float, int]] = deque()
        self._answered = 0
        self._waiting: NDArray[np.generic] = np.zeros(0, np.int64)
        self._now_s = self._start_s - self._warmup_s
        self._drawn = 0.0
        self._tenth = 0
        self._screen: RichLive | None = None

    def __enter__(self) -> Live:
        """Begin to show."""
        if self._report is None and self._console.is_terminal:
            from rich.live import Live as RichLive

            self._screen = RichLive(console=self._console, auto_refresh=False, transient=False)
            self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show the last state and stop."""
        if self._screen is not None:
            self._screen.update(self._render(), refresh=True)
            self._screen.stop()
            self._screen = None

    def warm(self, time_s: float) -> None:
        """Take how far the warm-up is, at `time_s` (s since midnight)."""
        self._now_s = time_s
        if self._now_s < self._start_s and self._now_s <= self._start_s - self._warmup_s:
            self._write_line()
        if self._is_due(time.perf_counter()):
            self._redraw()

    def update(self, k: int, time_s: float, values: Values) -> None:
        """Take the values of window `k`, which ended at `time_s` (s since midnight), in the shape of the registry."""
        self._take(time_s, values)
        now = time.perf_counter()
        if not self._speeds:  # before it, kernels were compiled and the warm-up was simulated
            self._clock_speed(now)
        if self._is_due(now):
            self._clock_speed(now)
            self._redraw()
        tenth = int(10 * self._share() + 1e-9)
        if tenth > self._tenth:
            self._tenth = tenth
            self._clock_speed(now)
            self._write_line()

    def line(self) -> str:
        """State of the run as one plain line."""
        return f"{self._name}: {self._state()}"

    def _state(self) -> str:
        figures = ", ".join(f"{name} {value}" for name, value in self._figures())
        return self._progress() + (f"; {figures}" if figures else "")

    def _is_due(self, now: float) -> bool:
        """Whether the last state was shown long enough ago; then this one is to be shown."""
        if now - self._drawn < _REDRAW_S:
            return False
        self._drawn = now
        return True

    def _redraw(self) -> None:
        if self._screen is not None:
            self._screen.update(self._render(), refresh=True)
        if self._report is not None:
            self._report(self._share(), self._state())

    def _take(self, time_s: float, values: Values) -> None:
        of = "users" if "users_outcomes" in values and values["users_outcomes"].size else "endpoint"
        rows: NDArray[np.int64] | slice = slice(None) if of == "users" else self._roots
        outcomes = values[f"{of}_outcomes"][rows].sum(axis=0)
        answered = int(outcomes.sum())
        hits = sum(
            int(values[name].sum()) for name in ("cache_hits", "cache_stale", "cache_coalesced") if name in values
        )
        self._recent.append(
            _Window(
                end_s=time_s,
                answered=answered,
                failed=answered - int(outcomes[_OK]),
                time_s=float(values[f"{of}_time"][rows].sum()),
                latency=values[f"{of}_latency"][rows].sum(axis=0, dtype=np.int64),
                hits=hits,
                lookups=hits + int(values["cache_misses"].sum()) if "cache_misses" in values else 0,
            )
        )
        while self._recent[0].end_s <= time_s - _MEMORY_S:
            self._recent.popleft()
        self._answered += answered
        self._waiting = values.get("station_waiting", self._waiting)
        self._now_s = time_s

    def _clock_speed(self, now: float) -> None:
        self._speeds.append((now, self._now_s, self._answered))
        while len(self._speeds) > 2 and self._speeds[0][0] < now - _SPEED_OVER_S:
            self._speeds.popleft()

    def _share(self) -> float:
        length_s = self._until_s - self._start_s
        return max(0.0, min(1.0, (self._now_s - self._start_s) / length_s)) if length_s > 0 else 1.0

    def _progress(self) -> str:
        if self._now_s < self._start_s:
            done = 1 - (self._start_s - self._now_s) / self._warmup_s
            return f"warming up, {clock(self._now_s)} to {clock(self._start_s)}, {100 * done:.0f} %"
        parts = [f"{clock(self._now_s)} simulated, {100 * self._share():.0f} %"]
        if not self._speeds:
            return parts[0]
        (wall_0, time_0, requests_0), (wall, time_s, requests) = self._speeds[0], self._speeds[-1]
        if wall > wall_0 and time_s > time_0:
            speed = (time_s - time_0) / (wall - wall_0)
            parts.append(f"{_short((requests - requests_0) / (wall - wall_0))} requests/s, {_short(speed)} × real time")
            parts.append(f"{span((self._until_s - self._now_s) / speed)} left")
        return ", ".join(parts)

    def _figures(self) -> list[tuple[str, str]]:
        """Headline figures of the last minute: name, value."""
        recent = self._recent
        answered = sum(window.answered for window in recent)
        lookups = sum(window.lookups for window in recent)
        figures = []
        if answered:
            mean_s = sum(window.time_s for window in recent) / answered
            counts = np.sum([window.latency for window in recent], axis=0, keepdims=True)
            p95_s = float(quantiles_s(counts.astype(float), np.array([0.95]))[0, 0])
            failed = 100 * sum(window.failed for window in recent) / answered
            figures += [("mean", _duration(mean_s)), ("p95", _duration(p95_s)), ("errors", _percent(failed))]
        if lookups:
            figures.append(("hits", f"{100 * sum(window.hits for window in recent) / lookups:.0f} %"))
        if self._waiting.size and self._waiting.max() > 0:
            longest = int(self._waiting.argmax())
            figures.append(("longest queue", f"{int(self._waiting[longest])} at {self._labels['station'][longest]}"))
        return figures

    def _render(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        figures = Text()
        for name, value in self._figures():
            figures.append(f"{name} ", style="dim").append(f"{value}   ")
        head = Text(f"{self._name}   ", style="bold").append(self._progress(), style="not bold")
        lines = Table.grid()
        for part in (head, ProgressBar(total=1.0, completed=self._share(), width=60), figures):
            lines.add_row(part)
        return lines

    def _write_line(self) -> None:
        line = self.line()
        if self._screen is None and self._report is None:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        if self._log is not None:
            self._log(line)


def _root_rows(labels: Mapping[str, Sequence[str]]) -> NDArray[np.int64]:
    """Numbers of the endpoints that no call site calls; all of them where every one is called."""
    called = {label.rpartition(">")[2].partition("#")[0] for label in labels.get("call", ())}
    endpoints = labels.get("endpoint", ())
    rows = [k for k, label in enumerate(endpoints) if label not in called]
    return np.array(rows or range(len(endpoints)), np.int64)


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 0.9995 else f"{seconds:.2f} s"


def _percent(percent: float) -> str:
    """Two digits; of 10 and more, whole."""
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def _short(number: float) -> str:
    if number >= 1e6:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.0f} k" if number >= 1e4 else f"{number:.0f}"


def span(seconds: float) -> str:
    """Write a duration in whole minutes and seconds."""
    whole = max(0, round(seconds))
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
