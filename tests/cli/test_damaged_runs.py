"""Runs that were cut short, changed or copied badly: one line that says so, and nothing is written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_run import place, recorded_run, tasks

from sfmodel.results.folder import DATASET, MANIFEST

SPAN = {
    "trace": "a" * 16, "span": "b" * 16, "parent": None, "service": "web", "endpoint": "get", "call": None, "replica": 0,
    "start_s": 72001.0, "arrived_s": 72001.0, "ended_s": 72001.5, "queued_s": 0.0, "served_s": 0.5, "outcome": "ok",
    "cause": "web", "attempt": 0, "zombie": False, "user": 7, "item": None,
}  # fmt: skip
REQUEST = {"request": "a" * 16, "endpoint": "web.get", "outcome": "ok", "duration_s": 0.5}

READERS = [
    ("figures", "--rows", "rows.yaml"),
    ("plot",),
    ("plot", "--terminal"),
    ("trace",),
    ("trace", "--otlp", "x.json"),
]


@pytest.fixture
def run(sfmodel) -> Path:
    """A finished run of six windows with one traced request."""
    folder = recorded_run("whole", 6, lambda k, values: tasks(values, "endpoint", place("endpoint", "web.get"), [0.1]))
    (folder / "traces.jsonl").write_text(json.dumps(SPAN) + "\n")
    (folder / "requests.jsonl").write_text(json.dumps(REQUEST) + "\n")
    Path("rows.yaml").write_text("rows: [{id: A, title: t, measure: mean(endpoint), unit: s, below: 1 s}]")
    return folder


def array(run: Path, name: str) -> Path:
    """The only chunk of an array."""
    return next(path for path in (run / DATASET / name / "c").rglob("*") if path.is_file())


def with_its_sizes(run: Path) -> None:
    """Let the manifest agree with what is there: as if the run had been finished so."""
    sizes = {
        str(path.relative_to(run / DATASET)): path.stat().st_size
        for path in (run / DATASET).rglob("*")
        if path.is_file()
    }
    (run / MANIFEST).write_text(json.dumps(sizes))


def garble(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def set_attributes(run: Path, **attrs: object) -> None:
    path = run / DATASET / "zarr.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps({**described, "attributes": {**described["attributes"], **attrs}}))
    with_its_sizes(run)


def without(run: Path, name: str) -> None:
    shutil.rmtree(run / DATASET / name)
    with_its_sizes(run)


@pytest.mark.parametrize("command", [*READERS, ("summary",)])
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda run: cut(array(run, "endpoint_time")), "is truncated: 1 of"),
        (lambda run: array(run, "endpoint_time").unlink(), "is truncated: 1 of"),
        (lambda run: shutil.rmtree(run / DATASET / "endpoint_time"), "is truncated: 2 of"),
        (lambda run: without(run, "width"), "has a dataset without 'width', which every run has"),
        (lambda run: set_attributes(run, format=0), "was written by an older version of sfmodel (format 0, this one reads"),
        (lambda run: set_attributes(run, format=99), "was written by another version of sfmodel (format 99"),
        (lambda run: cut(run / MANIFEST), "MANIFEST.json cannot be read: nothing says that the run is complete"),
        (lambda run: (run / MANIFEST).write_text("[]"), "MANIFEST.json cannot be read"),
        (lambda run: (run / MANIFEST).unlink(), "has no MANIFEST.json"),
        (lambda run: (run / "INCOMPLETE").write_text("Killed."), "is incomplete: Killed."),
    ],
)  # fmt: skip
def test_every_command_refuses_it(
    sfmodel, run: Path, command: tuple[str, ...], damage: Callable[[Path], object], expected: str
) -> None:
    damage(run)
    before = sorted(Path().rglob("*"))
    status, _, complaints = sfmodel(command[0], "whole", *command[1:])
    assert status == 1
    (line,) = complaints.splitlines()
    assert line.startswith("sfmodel: runs/whole")
    assert expected in line
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("command", READERS[:3])
@pytest.mark.parametrize("name", ["time", "endpoint_time"])
def test_a_chunk_of_the_right_length_with_other_bytes(sfmodel, run: Path, command: tuple[str, ...], name: str) -> None:
    garble(array(run, name))
    status, _, complaints = sfmodel(command[0], "whole", *command[1:])
    assert status == 1
    (line,) = complaints.splitlines()
    assert f"runs/whole/{DATASET}/{name} is damaged: its values cannot be read (" in line
    assert line.endswith("Copy the run again from where it was made, or run it again.")


@pytest.mark.usefixtures("run")
def test_want_of_memory_is_no_damage(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    def outgrow(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("sfmodel.rows.measure_rows", outgrow)
    status, _, complaints = sfmodel("figures", "whole", "--rows", "rows.yaml")
    remedy = "end other programs, or take a machine with more"
    assert (status, complaints) == (1, f"sfmodel: not enough memory: none is left; {remedy}\n")


@pytest.mark.parametrize("summary", [None, '{"whole": {', "[1]", '{"a": 1}'])
def test_a_summary_that_cannot_be_read_is_measured_again(sfmodel, run: Path, summary: str | None) -> None:
    if summary is not None:
        (run / "summary.json").write_text(summary)
    status, output, complaints = sfmodel("summary", "whole")
    assert (status, complaints) == (0, "")
    assert "Requests ended" in output


@pytest.mark.parametrize(
    ("file", "content", "command", "expected"),
    [
        ("traces", b"", ["--otlp", "x.json"], "no request of whole was traced; run it again, with trace.one_in=1000"),
        ("traces", b"", [], "traces.jsonl has no span of request aaaaaaaaaaaaaaaa: the file was cut short or changed"),
        (
            "traces",
            b'{"trace": "a',
            ["--otlp", "x.json"],
            "traces.jsonl has no JSON object in line 1: the file was cut",
        ),
        ("traces", b"\xff\xfe\n", ["--otlp", "x.json"], "traces.jsonl has no JSON object in line 1"),
        ("traces", b'{"a": 1}\n', ["--otlp", "x.json"], "traces.jsonl has no 'arrived_s' in line 1"),
        ("requests", b'{"request": "a', [], "requests.jsonl has no JSON object in line 1: the file was cut short"),
        ("requests", b"3\n", [], "requests.jsonl has no JSON object in line 1"),
        ("requests", b'{"request": "a"}\n', [], "requests.jsonl has no 'duration_s' in line 1"),
        ("requests", None, [], "requests.jsonl is missing, beside traces.jsonl. Copy it again"),
    ],
)
def test_traces_that_were_cut_short(
    sfmodel, run: Path, file: str, content: bytes | None, command: list[str], expected: str
) -> None:
    path = run / f"{file}.jsonl"
    path.unlink() if content is None else path.write_bytes(content)
    status, _, complaints = sfmodel("trace", "whole", *command)
    assert status in (1, 2)
    (line,) = complaints.splitlines()
    assert expected in line
    assert not Path("x.json").exists()


def test_an_export_overwrites_nothing(sfmodel, run: Path) -> None:
    traces = run / "traces.jsonl"
    before = traces.read_text()
    status, _, complaints = sfmodel("trace", "whole", "--otlp", str(traces))
    assert status == 2
    assert complaints == f"sfmodel: --otlp: there is a file {traces} already; choose another name, or remove it\n"
    assert traces.read_text() == before
    assert "choose another file" in sfmodel("trace", "whole", "--otlp", "nowhere/x.json")[2]
