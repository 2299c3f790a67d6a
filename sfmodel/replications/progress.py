"""What replications show while they are made: on a terminal a line for each under way, and one for all of them.

Elsewhere a plain line for each that begins or ends, and for each tenth of the whole. What the user should know is said in
between, once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from sfmodel.live import Report, span

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_REDRAW_S = 0.25
_BAR = 20


class Progress:
    """Shows replications under way; use as a context manager. Its methods may be called from any thread.

    Parameters
    ----------
    name
        Name of the run.
    seeds
        Seeds of all replications.
    finished
        Those that were finished before.
    console
        Where to show it; none: standard error.
    log
        Called with each plain line.
    """

    def __init__(
        self,
        name: str,
        seeds: Iterable[int],
        finished: Iterable[int] = (),
        console: Console | None = None,
        log: Callable[[str], object] | None = None,
    ) -> None:
        """Show nothing yet."""
        from rich.console import Console

        self._name, self._log = name, log
        self._share = dict.fromkeys(seeds, 0.0) | dict.fromkeys(finished, 1.0)
        self._before = self._done()
        self._state: dict[int, str] = {}
        self._ended = set(finished)
        self._failed: set[int] = set()
        self._said: set[str] = set()
        self._console = console or Console(stderr=True)
        self._screen: Live | None = None
        self._lock = threading.Lock()
        self._began = time.perf_counter()
        self._drawn = 0.0
        self._tenth = int(10 * self._before)

    def __enter__(self) -> Progress:
        """Begin to show."""
        if self._console.is_terminal:
            from rich.live import Live

            self._screen = Live(console=self._console, auto_refresh=False, transient=False)
            self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show the last state and stop."""
        with self._lock:
            if self._screen is not None:
                self._screen.update(self._render(), refresh=True)
                self._screen.stop()
                self._screen = None

    def report_of(self, seed: int) -> Report:
        """Return what takes the state of one replication."""
        return partial(self.update, seed)

    def update(self, seed: int, share: float, state: str) -> None:
        """Take the state of a replication: its share done, and a line of words."""
        with self._lock:
            if seed not in self._state:
                self._write_line(f"{self._name}: seed {seed} begins")
            self._share[seed], self._state[seed] = share, state
            self._show()

    def end(self, seed: int, reason: str | None = None) -> None:
        """A replication has ended; `reason`: it failed."""
        with self._lock:
            self._state.pop(seed, None)
            if reason is None:
                self._share[seed] = 1.0
                self._ended.add(seed)
            else:
                self._failed.add(seed)
            self._write_line(f"{self._name}: seed {seed} {'finished' if reason is None else f'failed: {reason}'}")
            self._show()

    def say(self, line: str, seed: int | None = None) -> None:
        """Tell the user something, of one replication or of all; the same of several replications only once."""
        with self._lock:
            if line in self._said:
                return
            self._said.add(line)
            self._write_line(
                f"{self._name}: {line}" if seed is None else f"{self._name}: seed {seed}: {line}", above=True
            )

    def overall(self) -> str:
        """All replications in one line."""
        parts = [f"{len(self._ended)} of {len(self._share)} replications finished"]
        parts += [f"{len(self._failed)} failed"] if self._failed else []
        parts += [f"{len(self._state)} under way"] if self._state else []
        left_s = self._left_s()
        return ", ".join([*parts, f"{span(left_s)} left"] if left_s else parts)

    def _done(self) -> float:
        return sum(self._share.values()) / len(self._share)

    def _left_s(self) -> float:
        """Time left, s, if the rest goes as what has been done since the beginning."""
        done = self._done()
        elapsed_s = time.perf_counter() - self._began
        return elapsed_s * (1 - done) / (done - self._before) if done > self._before else 0.0

    def _show(self) -> None:
        now = time.perf_counter()
        if self._screen is not None and now - self._drawn >= _REDRAW_S:
            self._drawn = now
            self._screen.update(self._render(), refresh=True)
        tenth = int(10 * self._done() + 1e-9)
        if tenth > self._tenth:
            self._tenth = tenth
            self._write_line(f"{self._name}: {10 * tenth} %, {self.overall()}")

    def _render(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        lines = Table.grid(padding=(0, 1))
        lines.add_column(no_wrap=True)
        lines.add_column(width=_BAR)
        lines.add_column(no_wrap=True, overflow="ellipsis")
        for seed, state in sorted(self._state.items()):
            lines.add_row(f"seed {seed}", ProgressBar(1.0, self._share[seed], width=_BAR), Text(state))
        lines.add_row(Text(self._name, style="bold"), ProgressBar(1.0, self._done(), width=_BAR), Text(self.overall()))
        return lines

    def _write_line(self, line: str, above: bool = False) -> None:
        """Write a line where nothing is redrawn; `above`: on a terminal too."""
        if self._screen is None or above:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        if self._log is not None:
            self._log(line)
