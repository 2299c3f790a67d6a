"""From a composed configuration to a folder with results: what `sfmodel run` and `sfmodel.load(…).run()` do."""

from __future__ import annotations

import os
import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfkernels.jit import is_compiled
from sfmodel.clock import clock
from sfmodel.engine import Simulation, prepare, simulate, window_edges
from sfmodel.interrupts import interrupts_later
from sfmodel.lint import cautions
from sfmodel.memory import memory_errors
from sfmodel.results.disk import disk_errors
from sfmodel.results.folder import DATASET, FIGURES, LOG, RUNS, SUMMARY, RunFolder, default_name
from sfmodel.results.recorder import Recorder
from sfmodel.schema import Run, parse_run
from sfmodel.schema.references import check_references

if TYPE_CHECKING:
    import xarray as xr

Say = Callable[[str], None]


@memory_errors()
def run_to_folder(
    mapping: Mapping[str, Any], hydra_files: Mapping[str, str] | None, root: Path, fallback: str | None = None
) -> Path:
    """Simulate one run and keep its results.

    Parameters
    ----------
    mapping
        The composed configuration, as the user wrote it.
    hydra_files
        Name → text of the files that go into `.hydra/`; none where Hydra was not used.
    root
        Folder in which the run's own folder appears when it is complete.
    fallback
        Name of a run to which the configuration gives none; none: platform, scenario and time.

    Returns
    -------
    Path of the run's folder.

    Raises
    ------
    ConfigError
        The configuration is wrong, or the name is taken; nothing was written.
    RunError
        The work failed; what is on disk is marked incomplete.
    KeyboardInterrupt
        The windows that were finished are kept, marked incomplete.
    """
    run = checked(mapping)
    simulation = prepare(run)
    chosen = run.name or fallback
    chosen = chosen or default_name(run.platform.name, " ".join([run.scenario.title, *run.intervention]))
    with RunFolder(chosen, root) if run.name else RunFolder.unique(chosen, root) as folder, disk_errors(folder.path):
        name = folder.name
        for file, text in (hydra_files or {}).items():
            folder.write(f".hydra/{file}", text)
        log: list[str] = []
        say = _teller(log)
        say(f"{name}: {describe(simulation)}")
        for caution in cautions(run):
            say(f"warning: {caution}")
        if not is_compiled():
            say("compiling the kernels, once for this version: about a minute")
        recorder = _recorder(simulation, folder.dataset)
        try:
            _watched(simulation, recorder, log)
        except KeyboardInterrupt:
            with interrupts_later():
                recorder.finish(attributes(simulation, name))
                kept = folder.abandon(f"interrupted after {recorder.recorded} windows of {run.window:g} s")
            say(_what_is_kept(recorder.recorded, kept))
            raise
        ds = recorder.finish(attributes(simulation, name))
        _write_results(simulation, ds, folder, say)
        folder.write(LOG, "\n".join(log) + "\n")
        ds.close()
        with interrupts_later():
            final = folder.complete()
    _tell(f"results: {final}   dataset {DATASET}, {SUMMARY}, {FIGURES}/")
    _tell(_next_commands(simulation, final, ds))
    return final


def checked(mapping: Mapping[str, Any]) -> Run:
    """Validate a configuration and everything it refers to."""
    run = parse_run(mapping)
    check_references(run)
    return run


@memory_errors()
def run_in_memory(mapping: Mapping[str, Any]) -> xr.Dataset:
    """Simulate one run; its Dataset, kept in memory."""
    run = checked(mapping)
    simulation = prepare(run)
    for caution in cautions(run):
        warnings.warn(caution, stacklevel=4)  # at whoever called Model.run
    recorder = _recorder(simulation, None)
    simulate(simulation, lambda k, end_s, values: recorder.record(k, values))
    return recorder.finish(attributes(simulation, simulation.run.name or simulation.run.platform.name))


def describe(simulation: Simulation) -> str:
    """One line on what is about to be simulated."""
    run, plan = simulation.run, simulation.plan
    what = f"{len(plan.labels['service'])} services"
    if run.platform.users is not None:
        what = f"{plan.population:,} users, {plan.items:,} items, " + what
    if run.intervention:
        what += f", with {' and '.join(run.intervention)}"
    return f"{what}, {clock(run.start)} to {clock(run.until)}, seed {run.seed}"


def attributes(simulation: Simulation, name: str) -> dict[str, Any]:
    """Provenance of a run: what it was, what made it, what it cost."""
    run = simulation.run
    return {
        "name": name,
        "platform": run.platform.name,
        "title": run.platform.title or run.platform.name,
        "scenario": run.scenario.title,
        "interventions": list(run.intervention),
        "seed": run.seed,
        "tick_s": simulation.plan.tick_s,
        "until_s": run.until,
        "population": simulation.plan.population if run.platform.users is not None else 0,
        "items": simulation.plan.items,
        "version": version("sfmodel"),
        "config": dict(run.written),
        "counter_totals": simulation.counter_totals,
        "events": simulation.events,
        "requests": simulation.requests,
        "wall_seconds": simulation.wall_seconds,
        "compile_seconds": simulation.compile_seconds,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        * (1 if sys.platform == "darwin" else 1024),
    }


def _recorder(simulation: Simulation, store: Path | None) -> Recorder:
    run, plan = simulation.run, simulation.plan
    counters = {key: (counter.unit, counter.title) for key, counter in run.platform.counters.items()}
    windows = len(window_edges(run)) - 1
    recorder = Recorder(plan.labels, run.start, run.window, windows, counters, store)
    if plan.edges:
        callers, callees = zip(*plan.edges, strict=True)
        recorder.add("edge_from", ["call"], list(callers), {"long_name": "Endpoint that calls", "units": "1"})
        recorder.add("edge_to", ["call"], list(callees), {"long_name": "Endpoint that is called", "units": "1"})
    return recorder


def _watched(simulation: Simulation, recorder: Recorder, log: list[str]) -> None:
    from sfmodel.live import Live

    with ExitStack() as stack:
        live = stack.enter_context(Live(simulation.run, simulation.plan.labels, log=log.append))

        def observe(k: int, end_s: float, values: Any) -> None:
            with interrupts_later():
                recorder.record(k, values)
            live.update(k, end_s, values)

        simulate(simulation, observe)


def _write_results(simulation: Simulation, ds: xr.Dataset, folder: RunFolder, say: Say) -> None:
    from rich.console import Console

    from sfmodel.figures import draw
    from sfmodel.results.summary import summarise, summary_table
    from sfmodel.results.traces import write_traces

    summary = summarise(ds)
    folder.write_json(SUMMARY, summary)
    console = Console()
    with console.capture() as table:
        console.print(summary_table(summary, simulation.run.platform.title or simulation.run.platform.name))
    _tell(table.get().rstrip())
    traced = write_traces(simulation.spans, simulation.plan.labels, folder.path) if len(simulation.spans) else 0
    if simulation.windows:
        draw(ds, folder.path / FIGURES)
    else:
        say(f"nothing was measured: the run ends where it starts, at {clock(simulation.run.until)}; give a later until")
    if simulation.spans_lost:
        limit = simulation.run.trace.limit
        say(f"{simulation.spans_lost:,} spans came after trace.limit, {limit:,}: raise it, or trace fewer requests")
    rate = simulation.requests / simulation.wall_seconds if simulation.wall_seconds > 0 else 0.0
    say(
        f"{simulation.requests:,} requests, {simulation.events:,} events in {simulation.wall_seconds:.1f} s "
        f"({rate / 1e6:.2f} M requests/s), {traced} requests traced"
    )


def _what_is_kept(windows: int, kept: Path) -> str:
    if not windows:
        return "interrupted before the first window was finished: nothing is kept, the same command starts from the beginning"
    return (
        f"interrupted: the {windows} windows that were finished are kept, sfmodel.open('{kept}', allow_incomplete=True) "
        "reads them; the same command starts from the beginning"
    )


def _next_commands(simulation: Simulation, folder: Path, ds: xr.Dataset) -> str:
    """Commands that have something to say of this run."""
    from sfmodel.rows.files import file_of

    if not simulation.windows:
        return ""
    run = folder.relative_to(RUNS) if folder.is_relative_to(RUNS) else folder
    commands = {f"sfmodel summary {run}": "this table, and each class of requests"}
    commands[f"sfmodel plot {run} --terminal"] = "the curves, here"
    if file_of("rows", ds):
        commands[f"sfmodel figures {run}"] = "what is known of it, met or not"
    if _has_story(folder, ds):
        commands[f"sfmodel story {run}"] = "what the scenario led to"
    if len(simulation.spans):
        commands[f"sfmodel trace {run}"] = "one request, step by step"
    width = max(map(len, commands))
    return "next: " + "\n      ".join(f"{command:<{width}}  {about}" for command, about in commands.items())


def _has_story(folder: Path, ds: xr.Dataset) -> bool:
    """Whether there is a story of the run's scenario, and a run to tell it beside."""
    from sfmodel.rows.files import file_of, scenario_of
    from sfmodel.stories import read_stories
    from sfmodel.stories.pair import find_pair

    file, scenario = file_of("stories", ds), scenario_of(ds)
    return bool(file and scenario and read_stories(file).of_scenario(scenario) and find_pair(folder, RUNS))


def _teller(log: list[str]) -> Say:
    def say(line: str) -> None:
        log.append(line)
        _tell(line)

    return say


def _tell(text: str) -> None:
    """Print, or go on silently where nobody reads any more: a run does not end because its reader has gone."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
