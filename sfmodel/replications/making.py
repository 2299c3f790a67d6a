"""From one configuration and several seeds to a folder with one dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfkernels.jit import is_compiled
from sfmodel.errors import RunError
from sfmodel.figures import draw
from sfmodel.interrupts import interrupts_later
from sfmodel.lint import cautions
from sfmodel.plan import Plan, build_plan
from sfmodel.replications.kept import take_over
from sfmodel.replications.merging import merge
from sfmodel.replications.processes import Processes, how_many
from sfmodel.replications.progress import Progress
from sfmodel.results.digest import note_digest
from sfmodel.results.disk import disk_errors
from sfmodel.results.folder import DATASET, FIGURES, LOG, SUMMARY, RunFolder, is_finished
from sfmodel.results.replications import FOLDER, written_seeds
from sfmodel.results.traces import REQUESTS
from sfmodel.running import Say, cost, describe, new_folder, next_commands, show_summary, tell, teller
from sfmodel.schema.run import HOW_MANY, Run
from sfmodel.settling import Settling, note_settling
from sfmodel.world import World, check_memory

if TYPE_CHECKING:
    import xarray as xr

Config = Mapping[str, Any]


def replicate(
    run: Run, mapping: Config, hydra_files: Mapping[str, str] | None, root: Path, fallback: str | None = None
) -> Path:
    """Simulate all replications of a run and keep the results, as `run_to_folder` does for one.

    Raises
    ------
    ConfigError
        The name is taken, or a file cannot be used.
    RunError
        A replication failed; the finished ones are kept for the next call.
    KeyboardInterrupt
        The same.
    """
    plan = build_plan(run)
    check_memory(plan)
    log: list[str] = []
    say = teller(log)
    with new_folder(run, root, fallback) as folder, disk_errors(folder.path):
        for file, text in (hydra_files or {}).items():
            folder.write(f".hydra/{file}", text)
        say(f"{folder.name}: {describe(plan, run)}, seeds {written_seeds(run.seeds)}")
        for caution in cautions(run):
            say(f"warning: {caution}")
        finished = _taken_over(folder, run, say)
        try:
            _make_missing(run, mapping, plan, folder, finished, log)
            ds = _merged(run, folder, say, drawn=fallback is None)
        except (KeyboardInterrupt, RunError) as error:
            with interrupts_later():
                tell(_what_is_kept(folder, run.seeds, error, in_sweep=fallback is not None))
            raise
        folder.write(LOG, "\n".join(log) + "\n")
        ds.close()
        with interrupts_later():
            final = folder.complete()
    tell(f"results: {final}   dataset {DATASET}, {SUMMARY}, {FIGURES}/, each run in {FOLDER}/")
    tell(next_commands(final, ds, traced=(final / FOLDER / str(run.seed) / REQUESTS).exists()))
    return final


def replicate_in_memory(run: Run, mapping: Config) -> xr.Dataset:
    """Simulate all replications of a run; their dataset, kept in memory."""
    plan = build_plan(run)
    check_memory(plan)
    name = run.name or run.platform.name
    with tempfile.TemporaryDirectory(prefix="sfmodel-") as place, RunFolder(name, Path(place)) as folder:
        _make_missing(run, mapping, plan, folder, [], [])
        ds = merge(replication_folders(folder.path, run.seeds), name, run.written, None)
        return note_settling(run, ds, None)


def replication_folders(folder: Path, seeds: Sequence[int]) -> dict[int, Path]:
    """Folder of each replication, by seed."""
    return {seed: folder / FOLDER / str(seed) for seed in seeds}


def _taken_over(folder: RunFolder, run: Run, say: Say) -> list[int]:
    taken = take_over(folder, run.seeds, run.written)
    for earlier in dict.fromkeys(taken.values()):
        seeds = [seed for seed, place in taken.items() if place == earlier]
        say(f"finished before, and taken from {earlier}: seeds {written_seeds(seeds)}")
    return list(taken)


def _make_missing(
    run: Run, mapping: Config, plan: Plan, folder: RunFolder, finished: Sequence[int], log: list[str]
) -> None:
    """Make the replications that are not there yet.

    Raises
    ------
    RunError
        One or more failed; all others were made.
    """
    missing = {seed: _of_seed(mapping, seed) for seed in run.seeds if seed not in finished}
    if not missing:
        return
    failed: dict[int, str] = {}
    with Progress(folder.name, run.seeds, finished, log=log.append) as progress:
        if not is_compiled():
            progress.say("compiling the kernels, once for this version: about a minute")
            World(plan, run.seed, run.trace.one_in, run.trace.limit).compile()
        with Processes(how_many(run.processes, len(missing), plan), progress.say) as processes:
            reports = {seed: progress.report_of(seed) for seed in missing}
            for seed, reason in processes.make(missing, folder.path / FOLDER, reports):
                progress.end(seed, reason)
                if reason is not None:
                    failed[seed] = reason
    if failed:
        raise RunError("\n".join(f"seed {seed}: {reason}" for seed, reason in failed.items()))


def _of_seed(mapping: Config, seed: int) -> dict[str, Any]:
    """Configuration of one replication."""
    own = {key: value for key, value in mapping.items() if key not in HOW_MANY}
    return {**own, "name": str(seed), "seed": seed}


def _merged(run: Run, folder: RunFolder, say: Say, *, drawn: bool) -> xr.Dataset:
    """Put the replications together, and write what they show."""
    ds = merge(replication_folders(folder.path, run.seeds), folder.name, run.written, folder.dataset)
    ds = note_digest(note_settling(run, ds, folder.dataset), folder.dataset)
    for line in Settling.of(ds).warnings(run):
        say(f"warning: {line}")
    _write_results(ds, folder, say, drawn=drawn)
    return ds


def _write_results(ds: xr.Dataset, folder: RunFolder, say: Say, *, drawn: bool) -> None:
    show_summary(ds, folder)
    if drawn and ds.sizes["time"]:
        draw(ds, folder.path / FIGURES)
    say(cost(ds.attrs["requests"], ds.attrs["events"], ds.attrs["wall_seconds"]))


def _what_is_kept(folder: RunFolder, seeds: Sequence[int], error: BaseException, in_sweep: bool) -> str:
    """Set the folder aside, and say how to go on; an interrupted sweep says that itself."""
    finished = [seed for seed, place in replication_folders(folder.path, seeds).items() if is_finished(place)]
    why = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    kept = folder.abandon(f"{why} when {len(finished)} of {len(seeds)} replications were finished")
    if not finished:
        return f"{why} before the first replication was finished: made again, the run starts from the beginning"
    said = f"{why}: the {len(finished)} of {len(seeds)} replications that were finished are kept in {kept / FOLDER}"
    if in_sweep and why == "interrupted":
        return said
    return f"{said}; the same command{f' with hydra.sweep.dir={folder.root}' if in_sweep else ''} goes on from there"
