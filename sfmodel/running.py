"""From a composed configuration to a folder with results: what `sfmodel run` and `sfmodel.load(…).run()` do."""

from __future__ import annotations

import os
import resource
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfkernels.jit import is_compiled
from sfmodel.clock import clock
from sfmodel.engine import Observer, Simulation, begun, planned, simulate, window_edges
from sfmodel.figures import draw
from sfmodel.interrupts import interrupts_later
from sfmodel.lint import cautions
from sfmodel.looked_for import check_what_is_looked_for
from sfmodel.memory import memory_errors
from sfmodel.plan import Plan
from sfmodel.provenance import provenance
from sfmodel.results.digest import note_digest
from sfmodel.results.disk import disk_errors
from sfmodel.results.folder import (
    DATASET,
    FIGURES,
    LOG,
    RUNS,
    SUMMARY,
    RunFolder,
    default_name,
    is_made_of,
    open_run,
)
from sfmodel.results.recorder import Recorder
from sfmodel.results.replications import seeds_of
from sfmodel.results.summary import notes, summarise, summary_table
from sfmodel.results.traces import write_traces
from sfmodel.schema import Run, parse_run
from sfmodel.schema.references import check_references
from sfmodel.settling import Settling, note_settling
from sfmodel.worlds import common_world, restore

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.live import Report

Say = Callable[[str], None]


@memory_errors()
def run_to_folder(
    mapping: Mapping[str, Any], hydra_files: Mapping[str, str] | None, root: Path, fallback: str | None = None
) -> Path:
    """Simulate a run, or its replications, and keep the results.

    Parameters
    ----------
    mapping
        The composed configuration, as the user wrote it.
    hydra_files
        Name → text of the files that go into `.hydra/`; none where Hydra was not used.
    root
        Folder in which the run's own folder appears when it is complete.
    fallback
        In a sweep, the name of a run to which the configuration gives none; none: platform, scenario and time. What is
        finished under `root` already, of the same configuration, code and data, is not made again. Its curves are not drawn:
        that takes longer than many a point.

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
    finished = _finished_before(run, root, fallback) if fallback else None
    if finished:
        tell(f"finished before, and not made again: {finished}")
        return finished
    if run.replications > 1:
        from sfmodel.replications import replicate

        return replicate(run, mapping, hydra_files, root, fallback)
    if not fallback:
        check_what_is_looked_for(run.platform.name)
    plan = planned(run)
    with new_folder(run, root, fallback) as folder, disk_errors(folder.path):
        for file, text in (hydra_files or {}).items():
            folder.write(f".hydra/{file}", text)
        log: list[str] = []
        say = teller(log)
        simulation = _prepared(run, plan, say, log)
        say(f"{folder.name}: {describe(simulation.plan, run)}, seed {run.seed}")
        for caution in cautions(run):
            say(f"warning: {caution}")
        if not is_compiled():
            say("compiling the kernels, once for this version: about a minute")
        ds = _simulated(simulation, folder, say, log)
        for line in Settling.of(ds).warnings(run):
            say(f"warning: {line}")
        show_summary(ds, folder)
        say(_write_traces(simulation, folder, say))
        if simulation.windows and not fallback:
            draw(ds, folder.path / FIGURES)
        folder.write(LOG, "\n".join(log) + "\n")
        ds.close()
        with interrupts_later():
            final = folder.complete()
    tell(f"results: {final}   dataset {DATASET}, {SUMMARY}{'' if fallback else f', {FIGURES}/'}")
    tell(next_commands(final, ds, traced=bool(len(simulation.spans))))
    return final


@memory_errors()
def run_replication(mapping: Mapping[str, Any], root: Path, report: Report, say: Say) -> Path:
    """Simulate one replication and keep its results; its curves are not drawn.

    Parameters
    ----------
    mapping
        Its configuration: with its own seed, and its own name.
    root
        Folder in which its own folder appears when it is complete.
    report
        Told of its state while it goes on, as `Live` says.
    say
        Told what the user should know of this replication that is not seen in the dataset of all of them.

    Raises
    ------
    RunError
        The work failed; what is on disk is marked incomplete.
    KeyboardInterrupt
        The windows that were finished are kept, marked incomplete.
    """
    run = checked(mapping)
    plan = planned(run)
    with new_folder(run, root) as folder, disk_errors(folder.path):
        log: list[str] = []
        say_and_log = teller(log, say)
        simulation = _prepared(run, plan, say_and_log, log, report)
        ds = _simulated(simulation, folder, say_and_log, log, report)
        log += [f"warning: {line}" for line in Settling.of(ds).warnings(run)]
        folder.write_json(SUMMARY, summarise(ds))
        log.append(_write_traces(simulation, folder, say_and_log))
        folder.write(LOG, "\n".join(log) + "\n")
        ds.close()
        with interrupts_later():
            return folder.complete()


def new_folder(run: Run, root: Path, fallback: str | None = None) -> RunFolder:
    """Open the folder of a run: under the name that it was given, else under one that is free."""
    if run.name:
        return RunFolder(run.name, root)
    chosen = fallback or default_name(run.platform.name, " ".join([run.scenario.title, *run.intervention]))
    return RunFolder.unique(chosen, root)


def _finished_before(run: Run, root: Path, fallback: str) -> Path | None:
    """Folder of a finished run that is what this one will be, under its name, or with a number where nobody chose it."""
    wanted = {"config": dict(run.written), **provenance(run.written)}
    named = [root / run.name] if run.name else [root / fallback, *sorted(root.glob(f"{fallback}-*"))]
    same = (folder for folder in named if is_made_of(folder, wanted))
    return next((folder for folder in same if seeds_of(open_run(folder)) == list(run.seeds)), None)


def checked(mapping: Mapping[str, Any]) -> Run:
    """Validate a configuration and everything it refers to."""
    run = parse_run(mapping)
    check_references(run)
    return run


@memory_errors()
def run_in_memory(mapping: Mapping[str, Any]) -> xr.Dataset:
    """Simulate a run, or its replications; the Dataset, kept in memory."""
    run = checked(mapping)
    warn(cautions(run))
    ds = _replicated_in_memory(run, mapping) if run.replications > 1 else _one_in_memory(run)
    warn(Settling.of(ds).warnings(run))
    return ds


def _replicated_in_memory(run: Run, mapping: Mapping[str, Any]) -> xr.Dataset:
    from sfmodel.replications import replicate_in_memory

    return replicate_in_memory(run, mapping)


def _one_in_memory(run: Run) -> xr.Dataset:
    log: list[str] = []
    simulation = _prepared(run, planned(run), log.append, log)
    recorder = _recorder(simulation, None)
    simulate(simulation, lambda k, end_s, values: recorder.record(k, values))
    return note_settling(run, recorder.finish(attributes(simulation, run.name or run.platform.name)), None)


def warn(lines: Iterable[str]) -> None:
    """Warn whoever called `Model.run`."""
    for line in lines:
        warnings.warn(line, stacklevel=5)


def describe(plan: Plan, run: Run) -> str:
    """One line on what is about to be simulated."""
    what = f"{len(plan.labels['service'])} services"
    if run.platform.users is not None:
        what = f"{plan.population:,} users, {plan.items:,} items, " + what
    if run.intervention:
        what += f", with {' and '.join(run.intervention)}"
    return f"{what}, {clock(run.start)} to {clock(run.until)}"


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
        **simulation.provenance,
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
    windows = len(window_edges(run)) - 1
    recorder = Recorder(plan.labels, run.start, run.window, windows, run.platform.declared_counters, store)
    if plan.edges:
        callers, callees = zip(*plan.edges, strict=True)
        recorder.add("edge_from", ["call"], list(callers), {"long_name": "Endpoint that calls", "units": "1"})
        recorder.add("edge_to", ["call"], list(callees), {"long_name": "Endpoint that is called", "units": "1"})
        what = "Cache without whose entry the call is made, if any"
        recorder.add("edge_behind", ["call"], plan.behind, {"long_name": what, "units": "1"})
    if plan.kept_in:
        what = "Service whose memory the cache is kept in"
        recorder.add("cache_kept_in", ["cache"], plan.kept_in, {"long_name": what, "units": "1"})
    return recorder


def _simulated(
    simulation: Simulation, folder: RunFolder, say: Say, log: list[str], report: Report | None = None
) -> xr.Dataset:
    """Simulate into the folder's dataset; what an interrupted run has finished is kept."""
    run = simulation.run
    recorder = _recorder(simulation, folder.dataset)
    try:
        _watched(simulation, folder.name, lambda k, end_s, values: recorder.record(k, values), log, report)
    except KeyboardInterrupt:
        with interrupts_later():
            if recorder.recorded:
                recorder.finish(attributes(simulation, folder.name))
                kept = folder.abandon(f"interrupted after {recorder.recorded} windows of {run.window:g} s")
                say(_what_is_kept(recorder.recorded, kept))
            else:
                folder.discard()
                say("interrupted before the first window was finished: nothing is kept")
        raise
    if not simulation.windows:
        say(f"nothing was measured: the run ends where it starts, at {clock(run.until)}; give a later until")
    ds = note_settling(run, recorder.finish(attributes(simulation, folder.name)), folder.dataset)
    return note_digest(ds, folder.dataset)


def _prepared(run: Run, plan: Plan, say: Say, log: list[str], report: Report | None = None) -> Simulation:
    """The run at its beginning, or where it goes on from the last world that it has in common with others."""

    def make(simulation: Simulation, observe: Observer, until_s: float) -> None:
        if not is_compiled():
            say("compiling the kernels, once for this version: about a minute")
        name = f"world until {clock(until_s)}"
        _watched(simulation, name, observe, log, report, until_s)

    found = common_world(run, run.forks, Path(run.worlds), make, say)
    if found is None:
        return begun(run, plan)
    say(f"goes on from the world of {clock(found.time_s)} in {found.folder}")
    return restore(run, plan, found)


def _watched(
    simulation: Simulation,
    name: str,
    observe: Observer,
    log: list[str],
    report: Report | None,
    until_s: float | None = None,
) -> None:
    """Simulate, until a time if one is given, and show how far it is."""
    from sfmodel.live import Live

    recorded = simulation.windows
    run = simulation.run if until_s is None else simulation.run.model_copy(update={"until": until_s})
    with ExitStack() as stack:
        live = stack.enter_context(Live(run, simulation.plan.labels, log=log.append, report=report, name=name))

        def seen(k: int, end_s: float, values: Any) -> None:
            with interrupts_later():
                observe(k, end_s, values)
            if k >= recorded:
                live.update(k, end_s, values)

        simulate(simulation, seen, live.warm, until_s)


def show_summary(ds: xr.Dataset, folder: RunFolder) -> None:
    """Write the headline figures, and print them."""
    from sfmodel.console import stdout

    summary = summarise(ds)
    folder.write_json(SUMMARY, summary)
    console = stdout()
    with console.capture() as table:
        console.print(summary_table(summary, str(ds.attrs["title"]), console.width))
    tell("\n".join([table.get().rstrip(), *notes(summary)]))


def _write_traces(simulation: Simulation, folder: RunFolder, say: Say) -> str:
    """Write the traces; in words, what the run has cost."""
    traced = write_traces(simulation.spans, simulation.plan.labels, folder.path) if len(simulation.spans) else 0
    if simulation.spans_lost:
        limit = simulation.run.trace.limit
        say(f"{simulation.spans_lost:,} spans came after trace.limit, {limit:,}: raise it, or trace fewer requests")
    requests, events = simulation.counts
    before = simulation.counts_before
    wall_s = simulation.wall_seconds
    return f"{cost(requests - before[0], events - before[1], wall_s)}, {traced} requests traced"


def cost(requests: int, events: int, wall_s: float) -> str:
    """Say what was simulated in which time."""
    rate = requests / wall_s if wall_s > 0 else 0.0
    return f"{requests:,} requests, {events:,} events in {wall_s:.1f} s ({rate / 1e6:.2f} M requests/s)"


def _what_is_kept(windows: int, kept: Path) -> str:
    return (
        f"interrupted: the {windows} windows that were finished are kept, sfmodel.open('{kept}', allow_incomplete=True) "
        "reads them; made again, the run starts from the beginning"
    )


def next_commands(folder: Path, ds: xr.Dataset, traced: bool) -> str:
    """Commands that have something to say of this run."""
    from sfmodel.rows.files import file_of
    from sfmodel.stories.pair import find_pair

    if not ds.sizes["time"]:
        return ""
    run = folder.relative_to(RUNS) if folder.is_relative_to(RUNS) else folder
    commands = {f"sfmodel summary {run}": "this table, and each class of requests"}
    commands[f"sfmodel plot {run} --terminal"] = "the curves, here"
    if file_of("rows", ds):
        commands[f"sfmodel figures {run}"] = "what is known of it, met or not"
    if _has_story(ds):
        paired = "" if find_pair(folder, RUNS) else ", beside the same run without it (make that one first)"
        commands[f"sfmodel story {run}"] = f"what the scenario led to{paired}"
    if traced:
        commands[f"sfmodel trace {run}"] = "one request, step by step"
    width = max(map(len, commands))
    return "next: " + "\n      ".join(f"{command:<{width}}  {about}" for command, about in commands.items())


def _has_story(ds: xr.Dataset) -> bool:
    """Whether there is a story of the run's scenario."""
    from sfmodel.rows.files import file_of, scenario_of
    from sfmodel.stories import read_stories

    file, scenario = file_of("stories", ds), scenario_of(ds)
    return bool(file and scenario and read_stories(file).of_scenario(scenario))


def tell(text: str) -> None:
    """Print, or go on silently where nobody reads any more: a run does not end because its reader has gone."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def teller(log: list[str], show: Say = tell) -> Say:
    """Return what shows a line and keeps it for the log."""

    def say(line: str) -> None:
        log.append(line)
        show(line)

    return say
