"""What goes wrong outside the configuration: files of data, memory, disk, Ctrl-C, names that are taken.

Each ends in one clear line and the right exit status, and what was finished before stays.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import sfmodel as package
from sfmodel.results.folder import find_run

ROOT = Path(__file__).parents[2]
TINY = ("platform=mmc", "until=61s")
RECORDED = (*TINY, "start=0", "warmup=0", "until=30s", "demand.points=null", "demand.series.normal=['0 s','30 s']")


def rows(header: str, *lines: str) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def only_line(complaints: str) -> str:
    """The one line that is no progress."""
    (line,) = [line for line in complaints.splitlines() if line.startswith("sfmodel: ")]
    return line


# Files of data


@pytest.mark.parametrize("command", [("run", "platform=mmc"), ("lint", "mmc")])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rows("timestamp,value", "0,1", "10,nan", "20,1"), "value: row 2 of column 'value' in 'x.csv' is no number"),
        (rows("timestamp,value", "0,1", "10,", "20,1"), "value: row 2 of column 'value' in 'x.csv' is no number"),
        (rows("timestamp,value", "0,1", "20,1", "10,1", "40,1"), "time: time runs backwards in 'x.csv' at row 3"),
        (
            rows("timestamp,value", "0,1", "2,1", "4,1", "6,1", "30,1"),
            "'x.csv' has a gap of 24 s at 00:00:06 of day 1, where its step is 2 s; fill it",
        ),
        (rows("timestamp,value", "0,1", "10,1"), "'x.csv' covers 00:00 of day 1 to 00:00:10 of day 1, the run needs"),
        (rows("timestamp,value", "0,1", "15,-1", "30,1"), "value: 'x.csv' holds a negative demand (-1)"),
        (rows("timestamp,value", "0,x"), "value: row 1 of column 'value' in 'x.csv' is no number ('x'); 1 such rows"),
        (rows("timestamp,value"), "time: 'x.csv' has no rows"),
        (rows("timestamp,vlue", "0,1"), "value: 'x.csv' has no column 'value'; did you mean 'vlue'?"),
        (rows("0,1", "600,2"), "has no column 'timestamp'; its first line should name the columns"),
        (rows("timestamp;value", "0;1,5", "30;2,5"), "value: row 1 of column 'value' in 'x.csv' is no number ('1,5')"),
        (
            rows("timestamp,value", "0,0", "30,0"),
            "normal: the normal hours 00:00–00:00 of day 1 have a mean of 0 in 'x.csv'",
        ),
        (
            rows("timestamp,value", "1704067200,1", "1704067230,1"),
            "its times seem to count from 1970: name day 1 with demand.series.day",
        ),
        (
            rows("timestamp,value", "2024-01-01T00:00:00+02:00,1", "2024-01-01T00:00:30+02:00,1"),
            "time: column 'timestamp' of 'x.csv' holds timestamps with a time zone; say with demand.series.zone in which",
        ),
        (rows("timestamp,value", "0,1").decode().encode("utf-16"), "it is in UTF-16; save it as CSV in UTF-8"),
        (b"PK\x03\x04\0\0", "time: cannot read 'x.csv' as CSV or Parquet: it holds no text; expected CSV in UTF-8"),
        (b"", "time: cannot read 'x.csv' as CSV or Parquet: empty CSV"),
        (b"timestamp,value\n0,1\n\xa7\xff,1\n", "time: cannot read 'x.csv' as CSV or Parquet"),
        (None, "file: there is no file 'x.csv', in the working directory or in the package's conf/"),
    ],
)
def test_a_demand_that_cannot_be_used(sfmodel, command: tuple[str, ...], content: bytes | None, expected: str) -> None:
    if content is not None:
        Path("x.csv").write_bytes(content)
    status, _, complaints = sfmodel(*command, *RECORDED[1:], "demand.series.file=x.csv")
    assert status == 2
    assert len(complaints.splitlines()) == 1
    assert complaints.startswith("sfmodel: demand.series")
    assert expected in complaints
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rows("time", "3.5", "1.5"), "time: time runs backwards in 'x.csv' at row 2 of column 'time'; sort the file"),
        (rows("time", "3.5", "x"), "time: column 'time' of 'x.csv' holds text such as '3.5', expected timestamps"),
        (rows("time"), "time: 'x.csv' has no rows"),
        (rows("time", "2020-01-01 10:00:00"), "'x.csv' holds timestamps; say with `start` at which time of day"),
    ],
)
def test_arrivals_that_cannot_be_used(sfmodel, content: bytes, expected: str) -> None:
    Path("x.csv").write_bytes(content)
    source = "platform.sources.arrivals"
    status, _, complaints = sfmodel("run", *TINY, f"{source}.rate=0/s", f"{source}.file.file=x.csv")
    assert status == 2
    assert complaints.startswith(f"sfmodel: {source}.file")
    assert expected in complaints


@pytest.mark.parametrize("command", [("run", "platform=mmc"), ("lint", "mmc")])
def test_recorded_durations_that_cannot_be_used(sfmodel, command: tuple[str, ...]) -> None:
    Path("x.csv").write_bytes(rows("ms", "3", "-1"))
    time_key = "platform.services.server.endpoints.serve.steps.0.time"
    status, _, complaints = sfmodel(*command, f"{time_key}={{empirical: {{file: x.csv, column: ms, unit: ms}}}}")
    assert status == 2
    assert "column 'ms' of 'x.csv' holds a negative duration (-0.001 s)" in complaints


# Memory


def test_memory_is_asked_for_before_it_is_taken(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    from sfmodel import engine, world

    monkeypatch.setattr(world, "available_bytes", lambda: 1_000_000_000)
    monkeypatch.setattr(engine, "World", None)  # would be a TypeError
    status, _, complaints = sfmodel("run")
    assert status == 1
    # 32 bytes for each of 50 M users and 8 for each of 10 M items are 1.68 GB; 0.6 GB are left for users
    assert "not enough memory: 50,000,000 users, 10,000,000 items and" in complaints
    assert "2.0 GB, 1.0 GB are available; use fewer, such as users=10000000\n" in complaints
    assert not Path("runs").exists()
    status, _, complaints = sfmodel("run", "users=1M", "platform.services.profile.queues.reviews.consumers=1G")
    assert status == 1
    assert complaints.endswith("use smaller batches, fewer consumers, fewer servers of autoscaling\n")


def test_memory_is_asked_for_again_where_a_pool_grows(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    from sfmodel import world

    sfmodel("run", *TINY, "name=finished")
    monkeypatch.setattr(world, "available_bytes", lambda: 1_000_000_000)
    monkeypatch.setattr(world, "WORTH_CHECKING", 900_000_000)
    monkeypatch.setattr(world, "check_memory", lambda plan: None)
    monkeypatch.setattr(world.World, "grow_tasks", lambda self, size: self._extended("tasks", 1 << 40, world.TASK))
    status, _, complaints = sfmodel("run", *TINY, "name=grows")
    assert status == 1
    assert "sfmodel: not enough memory at 0 s after midnight: tasks outgrew what there is" in complaints
    assert finished_runs() == ["finished"]


def test_memory_that_runs_out_is_a_sentence(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    from sfmodel import running

    def none_left(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(running, "simulate", none_left)
    status, _, complaints = sfmodel("run", *TINY, "name=first")
    assert status == 1
    assert only_line(complaints) == (
        "sfmodel: not enough memory: none is left; use fewer users or items, or end earlier"
    )
    assert Path("runs/first.incomplete").exists()


# Disk


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk on which no file grows beyond a size: writing fails as on one that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1000, 3000, 8000, 50_000])
def test_a_full_disk(sfmodel, size: int) -> None:
    """At these sizes what fails is, in turn, a file of .hydra, an array's description, a chunk, a figure."""
    assert sfmodel("run", *TINY, "name=finished")[0] == 0
    with files_of_at_most(size):
        status, _, complaints = sfmodel("run", *TINY, "until=5min", "name=second")
    assert status == 1
    assert only_line(complaints).startswith("sfmodel: runs/second.partial")
    assert "cannot be written: file too large; free space there or choose another folder for runs." in complaints
    assert finished_runs() == ["finished"]
    assert "cannot be written" in Path("runs/second.incomplete/INCOMPLETE").read_text()
    assert package.open("finished").sizes["time"] == 1


@pytest.mark.parametrize(
    ("words", "folder"), [((), "/sys/sfmodel"), (("-m", "seed=1,2"), "/sys/sfmodel"), ((), "file"), (("-m",), "file/x")]
)
def test_a_folder_that_cannot_be_written(sfmodel, words: tuple[str, ...], folder: str) -> None:
    Path("file").write_text("")
    kind = "sweep" if "-m" in words else "run"
    status, _, complaints = sfmodel("run", *words, *TINY, f"hydra.{kind}.dir={folder}")
    assert status == 1
    assert only_line(complaints).startswith(f"sfmodel: {folder.split('/x')[0]}")
    assert "cannot be written: " in complaints


# Names


def finished_runs() -> list[str]:
    return sorted(path.parent.name for path in Path("runs").glob("*/MANIFEST.json"))


def test_a_name_that_is_taken_is_refused_and_the_run_stays(sfmodel) -> None:
    assert sfmodel("run", *TINY, "name=first")[0] == 0
    before = (find_run("first") / "MANIFEST.json").stat().st_mtime_ns
    status, _, complaints = sfmodel("run", *TINY, "name=first", "seed=2")
    assert status == 2
    assert only_line(complaints) == (
        "sfmodel: name: there is a run 'first' in runs already; choose another, for example 'first-2'"
    )
    assert (find_run("first") / "MANIFEST.json").stat().st_mtime_ns == before


def test_runs_that_nobody_named_never_meet(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    from sfmodel import running

    monkeypatch.setattr(running, "default_name", lambda *_: "same")
    assert sfmodel("run", *TINY)[0] == sfmodel("run", *TINY)[0] == 0
    assert finished_runs() == ["same", "same-2"]


# Interrupts


def in_another_process(*words: str, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    code = "import sys; from sfmodel.cli import main; sys.exit(main())"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "kernels")])
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(pattern: str, process: subprocess.Popen[str]) -> None:
    while not list(Path().glob(pattern)):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def test_an_interrupted_sweep_keeps_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    process = in_another_process("run", "-m", "platform=mmc", "until=61s,20000h", "hydra.sweep.dir=runs/sweep")
    wait_for("runs/sweep/until=61s/MANIFEST.json", process)
    wait_for("runs/sweep/*.partial/dataset.zarr/endpoint_latency/c/0", process)  # the first 60 windows of the second
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in complaints
    assert only_line(complaints).startswith("sfmodel: interrupted; runs of the sweep that had finished are kept")
    (first,) = Path("runs/sweep").glob("*/MANIFEST.json")
    assert package.open(first.parent).sizes["time"] == 1
    (second,) = Path("runs/sweep").glob("*.incomplete")
    kept = package.open(second, allow_incomplete=True)
    assert kept.sizes["time"] >= 60
    assert (second / "INCOMPLETE").read_text() == f"interrupted after {kept.sizes['time']} windows of 10 s.\n"


def test_an_interrupt_waits_for_what_must_not_be_cut_in_two() -> None:
    from sfmodel.interrupts import interrupts_later

    done = []
    before, first = signal.default_int_handler, signal.signal(signal.SIGINT, signal.default_int_handler)

    def work() -> None:
        with interrupts_later():
            signal.raise_signal(signal.SIGINT)
            done.append(True)

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert done
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, first)  # a process in the background ignores interrupts


def test_a_run_goes_on_when_nobody_reads_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read, write = os.pipe()
    os.close(read)
    process = in_another_process("run", *TINY, "name=first", stdout=write)
    os.close(write)
    _, complaints = process.communicate()
    assert (process.returncode, finished_runs()) == (0, ["first"]), complaints
