import json
import os
import socket
import subprocess
import sys

import pytest
from evening import LABELS, window_values

import sfmodel
from sfmodel.errors import ConfigError, RunError, RunNotFoundError
from sfmodel.results import folder as folders
from sfmodel.results.folder import RunFolder, default_name, find_run, finished_runs, open_run
from sfmodel.results.recorder import Recorder


def finish(root, name="first"):
    """A complete run of two windows."""
    with RunFolder(name, root) as run:
        recorder = Recorder(LABELS, 0.0, 10.0, 2, {"llm_cost": ("USD", "")}, run.dataset)
        for k in range(2):
            recorder.record(k, window_values(k))
        recorder.finish({"seed": 1})
        run.write_json("summary.json", {"requests": 1})
        run.write_hydra("seed: 1\n", "- seed=1\n")
        return run.complete()


def test_a_complete_run_has_its_name_and_nothing_else_is_left(tmp_path):
    path = finish(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["first"]
    assert not (path / "INCOMPLETE").exists()
    assert (path / ".hydra" / "overrides.yaml").read_text() == "- seed=1\n"
    assert sfmodel.open(path)["endpoint_arrivals"].shape == (2, 3)


def test_while_it_is_written_a_run_is_marked(tmp_path):
    with RunFolder("first", tmp_path) as run:
        assert run.path.name == "first.partial"
        assert (run.path / "INCOMPLETE").exists()
        assert not (tmp_path / "first").exists()
        assert finished_runs(tmp_path) == []


def test_a_failed_run_is_never_under_its_final_name(tmp_path):
    with pytest.raises(ZeroDivisionError), RunFolder("first", tmp_path):
        _ = 1 / 0
    assert (tmp_path / "first.incomplete" / "INCOMPLETE").read_text() == "The run failed: division by zero.\n"
    assert not (tmp_path / "first").exists()
    with pytest.raises(RunError, match=r"is incomplete: The run failed: division by zero\. Run it again\.$"):
        open_run("first", tmp_path)


def test_an_interrupted_run_can_be_opened_if_asked_for(tmp_path):
    run = RunFolder("first", tmp_path)
    recorder = Recorder(LABELS, 0.0, 10.0, 9, {"llm_cost": ("USD", "")}, run.dataset)
    recorder.record(0, window_values(0))
    recorder.finish({})
    with pytest.raises(KeyboardInterrupt), run:
        raise KeyboardInterrupt
    with pytest.raises(
        RunError, match=r"The run was interrupted\. Run it again; sfmodel\.open\('.*first\.incomplete', allow_"
    ):
        open_run("first", tmp_path)
    assert open_run("first", tmp_path, allow_incomplete=True).sizes["time"] == 1


def test_a_killed_run_explains_itself_and_gives_its_name_back(tmp_path):
    code = (
        f"import os; from sfmodel.results.folder import RunFolder; RunFolder('first', {str(tmp_path)!r}); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (
        (tmp_path / "first.partial" / "INCOMPLETE").read_text().startswith("This run is being written, or was killed.")
    )
    with pytest.raises(RunError, match=r"is incomplete: The process that wrote it was killed\. Run it again\.$"):
        open_run("first", tmp_path)
    finish(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first", "first.incomplete"]


def test_a_name_that_is_being_written_is_refused(tmp_path):
    with RunFolder("first", tmp_path):
        with pytest.raises(ConfigError, match=f"is being written by process {os.getpid()}"):
            RunFolder("first", tmp_path)
        with pytest.raises(RunError, match=f"is being written by process {os.getpid()} on .*; wait for it"):
            open_run("first", tmp_path)


def test_a_run_of_which_nothing_is_kept_leaves_no_folder(tmp_path):
    with RunFolder("first", tmp_path) as run:
        run.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_taken_name_is_refused_with_a_free_one(tmp_path):
    finish(tmp_path)
    with pytest.raises(ConfigError, match=r"there is a run 'first' in .* choose another, for example 'first-2'"):
        RunFolder("first", tmp_path)


def test_a_name_is_taken_while_a_replication_outlives_a_killed_run(tmp_path):
    (tmp_path / "first.partial/replications/5.partial").mkdir(parents=True)
    (tmp_path / "first.partial/INCOMPLETE").write_text("This run is being written, or was killed.\n")
    mark = f"This run is being written, or was killed.\nprocess {os.getpid()} on {socket.gethostname()}\n"
    (tmp_path / "first.partial/replications/5.partial/INCOMPLETE").write_text(mark)
    with pytest.raises(ConfigError, match=f"is being written by process {os.getpid()}"):
        RunFolder("first", tmp_path)


@pytest.mark.parametrize("name", ["", "latest", "a/b", "..", "x.partial", ".hidden"])
def test_names_that_are_none_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="expected letters, digits"):
        RunFolder(name, tmp_path)


def test_default_names_say_what_ran_and_when():
    from datetime import datetime

    moment = datetime(2026, 1, 2, 3, 4, 5)
    assert default_name("streamflow", None, moment) == "streamflow-20260102-030405"
    assert default_name("stream flow", "F1: LLM", moment) == "stream-flow-F1-LLM-20260102-030405"


def test_find_by_name_by_folder_and_latest(tmp_path):
    first = finish(tmp_path)
    second = finish(tmp_path, "second")
    assert find_run("first", tmp_path) == first
    assert find_run(second) == second
    assert find_run(second / "dataset.zarr") == second
    os.utime(first / "MANIFEST.json", ns=(10**18 * 2, 10**18 * 2))
    assert find_run("latest", tmp_path) == first


def test_the_latest_run_is_alone_or_of_a_sweep_and_none_that_a_command_made_for_itself(tmp_path):
    alone = finish(tmp_path)
    of_decision, of_sweep = finish(tmp_path / "decide-1", "b"), finish(tmp_path / "sweep-1", "c")
    for later, run in enumerate((of_sweep, of_decision), start=2):
        os.utime(run / "MANIFEST.json", ns=(10**18 * later, 10**18 * later))
    assert find_run("latest", tmp_path) == alone
    (tmp_path / "sweep-1" / "sweep.json").write_text("{}")
    assert find_run("latest", tmp_path) == of_sweep


def test_a_run_that_is_not_there_comes_with_the_nearest_name(tmp_path):
    finish(tmp_path, "evening-1")
    with pytest.raises(RunNotFoundError, match=r"there is no run 'evenin-1' .* did you mean 'evening-1'"):
        find_run("evenin-1", tmp_path)
    with pytest.raises(RunNotFoundError, match="there is no finished run in"):
        find_run("latest", tmp_path / "elsewhere")


def test_a_sweep_is_no_run_and_it_is_said_which_are(tmp_path):
    sweep = tmp_path / "runs" / "sw"
    sweep.mkdir(parents=True)
    (sweep / "sweep.json").write_text("{}")
    with pytest.raises(RunNotFoundError, match=r"sw is a sweep: none of its runs is finished; 'sfmodel effects sw'"):
        find_run("sw", tmp_path / "runs")
    (sweep / "a=1").mkdir()
    (sweep / "a=1" / "MANIFEST.json").write_text("{}")
    with pytest.raises(RunNotFoundError, match=r"name one of its runs, such as \S+sw/a=1; 'sfmodel effects sw'"):
        find_run("sw", tmp_path / "runs")


def test_a_run_that_lost_files_is_refused(tmp_path):
    path = finish(tmp_path)
    lost = next((path / "dataset.zarr" / "endpoint_arrivals" / "c").rglob("0"))
    while lost.is_dir():
        lost = next(lost.iterdir())
    lost.write_bytes(b"")
    with pytest.raises(RunError, match=r"is truncated: 1 of .* Copy it again"):
        open_run(path)


def test_another_format_is_refused(tmp_path):
    path = finish(tmp_path)
    described = json.loads((path / "dataset.zarr" / "zarr.json").read_text())
    described["attributes"]["format"] = 0
    (path / "dataset.zarr" / "zarr.json").write_text(json.dumps(described))
    with pytest.raises(RunError, match="was written by an older version"):
        open_run(path, allow_incomplete=True)


def test_a_dataset_that_was_never_finished_is_refused(tmp_path):
    with RunFolder("first", tmp_path) as run:
        Recorder(LABELS, 0.0, 10.0, 9, {}, run.dataset)
    with pytest.raises(RunError, match="never finished"):
        open_run("first", tmp_path, allow_incomplete=True)


def test_a_folder_that_may_not_be_written_is_a_sentence(tmp_path, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    finish(tmp_path)
    monkeypatch.setattr(folders.Path, "mkdir", refuse)
    with pytest.raises(RunError, match=r"cannot be written: permission denied; .* Finished runs are untouched"):
        RunFolder("second", tmp_path)
    monkeypatch.undo()
    assert open_run("first", tmp_path).attrs["seed"] == 1


def test_a_full_disk_leaves_an_incomplete_run(tmp_path, monkeypatch):
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    run = RunFolder("first", tmp_path)
    monkeypatch.setattr(folders, "_write", full)
    with pytest.raises(RunError, match="no space left on device"), run:
        run.write("summary.json", "{}")
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["first.incomplete"]


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, sfmodel; print(sorted({'numpy', 'xarray', 'zarr', 'matplotlib', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
