"""Sweeps in parallel processes, as typed: what fails is recorded and listed, the others go on."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from joblib.externals.loky import get_reusable_executor
from omegaconf import OmegaConf
from support import TINY, fill_the_disk

import sfmodel as package
from sfmodel.cli import compose, launchers, sweep
from sfmodel.errors import RunError
from sfmodel.sweeps import Point, Sweep, point_of
from sfmodel.sweeps.points import MOST_OF_A_NAME

Command = Callable[..., tuple[int, str, str]]
PARALLEL = ("run", "-m", "platform=tiny", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=runs/s")


@pytest.fixture(autouse=True)
def _new_processes() -> Iterator[None]:
    """Those of joblib stay where the first test was."""
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture(autouse=True)
def _platform(tmp_path: Path) -> None:
    path = tmp_path / "conf/platform/tiny.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(TINY, encoding="utf-8")


def test_points_run_in_processes_of_their_own(sfmodel: Command) -> None:
    status, _, complaints = sfmodel(*PARALLEL, "seed=1,2", "until='00:02','00:00:10'")

    assert status == 2
    assert "until: expected a time at or after start, 00:01, found 00:00:10" in complaints
    assert "failed so: seed=1,until=00-00-10, seed=2,until=00-00-10, in runs/s" in complaints
    assert sorted(path.parent.name for path in Path("runs/s").glob("*/MANIFEST.json")) == [
        "seed=1,until=00-02", "seed=2,until=00-02",
    ]  # fmt: skip
    record = json.loads(Path("runs/s/failed/seed=2,until=00-00-10.json").read_text())
    assert "seed=2" in record["overrides"]
    assert package.open("runs/s/seed=2,until=00-02").attrs["seed"] == 2


def test_a_process_of_several_jobs_watches_its_parent_once() -> None:
    def watched() -> tuple[int, list[str]]:
        """Of a job: its process, and who watches there."""
        sweep.end_with_parent()
        return os.getpid(), [one.name for one in threading.enumerate() if one.name == sweep._WATCH]

    executor = get_reusable_executor(max_workers=1)
    found = [executor.submit(watched).result() for _ in range(3)]

    assert found == [(found[0][0], [sweep._WATCH])] * 3
    assert found[0][0] != os.getpid()


def test_a_process_that_had_lost_its_parent_before_it_looked_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, statuses = threading.Event(), []
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=gone.pid))
    monkeypatch.setattr(os, "_exit", lambda status: (statuses.append(status), ended.set()))

    sweep.end_with_parent.__wrapped__()

    assert ended.wait(60)
    assert statuses == [1]


def test_what_failed_is_forgotten_when_it_is_made(sfmodel: Command) -> None:
    failed = Path("runs/s/failed/seed=1.json")
    failed.parent.mkdir(parents=True)
    failed.write_text(json.dumps({"error": "x", "exit_status": 1, "overrides": []}))

    status, _, complaints = sfmodel(*PARALLEL, "seed=1,2")

    assert (status, complaints) == (0, "")
    assert not failed.exists()


@pytest.mark.parametrize("what", ["seed=2.partial/dataset.zarr/endpoint_arrivals", "seed=2"])
def test_a_disk_that_is_full_leaves_what_was_finished(
    sfmodel: Command, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """One run's dataset, and besides what would be recorded of its failure."""
    with monkeypatch.context() as patch:
        fill_the_disk(patch, what)
        status, _, complaints = sfmodel("run", "-m", "platform=tiny", "seed=1,2,3", "hydra.sweep.dir=runs/s")

    assert status == 1
    assert complaints.count("cannot be written: no space left on device; free space there") == 1
    assert complaints.count("sfmodel run resume=runs/s") == 1
    assert [path.name for path in Path("runs/s/failed").iterdir()] == ([] if what == "seed=2" else ["seed=2.json"])
    assert sorted(path.parent.name for path in Path("runs/s").glob("*/MANIFEST.json")) == ["seed=1", "seed=3"]
    assert package.open_sweep("s").attrs["missing"] == ["seed=2"]

    status, output, _ = sfmodel("run", "resume=runs/s")
    assert status == 0
    assert "3 of 3 points finished" in output


def test_what_is_recorded_of_a_failure_need_not_be_whole(sfmodel: Command) -> None:
    """Another machine's clock does not count, and a record that a full disk cut short is named."""
    failed = Path("runs/s/failed")
    failed.mkdir(parents=True)
    (failed / "seed=1.json").touch()
    (failed / "seed=2.json").write_text(json.dumps({"error": "x", "exit_status": 2, "overrides": []}))
    os.utime(failed / "seed=2.json", (0, 0))

    assert [(one.name, one.exit_status) for one in sweep.failures(Path("runs/s"))] == [("seed=1", 1), ("seed=2", 2)]

    assert sfmodel("run", "-m", "platform=tiny", "seed=3", "hydra.sweep.dir=runs/s")[0] == 0
    assert not list(failed.iterdir())


def test_a_launcher_that_is_not_there_is_named(sfmodel: Command) -> None:
    status, _, complaints = sfmodel("run", "-m", "platform=tiny", "hydra/launcher=jobblib", "seed=1,2")

    assert status == 2
    assert "jobblib" in complaints
    assert "joblib" in complaints.replace("jobblib", "")


def test_going_on_makes_only_what_is_missing(sfmodel: Command) -> None:
    words = ("run", "-m", "platform=tiny", "hydra.sweep.dir=runs/s", "demand.level=0.9,1", "seed=1,2")
    sfmodel(*words)
    names = [point["name"] for point in json.loads(Path("runs/s/sweep.json").read_text())["points"]]
    shutil.rmtree(Path("runs/s", names[-1]))
    made = {name: Path("runs/s", name, "MANIFEST.json").stat().st_mtime_ns for name in names[:-1]}

    status, output, _ = sfmodel("run", "resume=runs/s")

    assert status == 0
    assert output.count("finished before, and not made again") == 3
    assert "4 of 4 points finished" in output
    assert made == {name: Path("runs/s", name, "MANIFEST.json").stat().st_mtime_ns for name in made}
    assert package.open_sweep("runs/s").endpoint_arrivals.dims[:2] == ("demand.level", "seed")


def test_going_on_with_another_configuration_is_refused_with_the_difference(sfmodel: Command) -> None:
    words = ("run", "-m", "platform=tiny", "seed=1,2")
    sfmodel(*words, "hydra.sweep.dir=runs/s")
    for more, said in {
        ("until=00:02",): "now with until=00\\:02; start a sweep in another folder, or go on with it as it was",
        ("demand.level=1,2",): "seed=1 is no point of it any more",
    }.items():
        status, _, complaints = sfmodel(*words, *more, "resume=runs/s")
        assert status == 2
        assert said in complaints
    platform = Path("conf/platform/tiny.yaml")
    platform.write_text(platform.read_text().replace("servers: 10", "servers: 11"))

    status, _, complaints = sfmodel("run", "resume=latest")

    assert status == 2
    assert "platform.services.server.stations.servers.servers was 10, is 11" in complaints


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("conf/intervention/more.yaml", "intervention=[more] is not what it was"),
        ("conf/aims/tiny.yaml", "other aims"),
    ],
)
def test_going_on_with_a_file_that_is_not_what_it_was_is_refused(sfmodel: Command, file: str, said: str) -> None:
    """That of a later point: the first is as it was."""
    more = (
        "# @package intervention.more\ntitle: more\nchanges: [{set: {services.server.stations.servers.servers: 12}}]\n"
    )
    aims = "aims: [{id: mean, title: Mean, measure: 'mean(endpoint[server.serve])', unit: s}]\n"
    for path, text in {"conf/intervention/more.yaml": more, "conf/aims/tiny.yaml": aims}.items():
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(text)
    sfmodel("run", "-m", "platform=tiny", "intervention=[],[more]", "seed=1", "hydra.sweep.dir=runs/s")
    assert sfmodel("run", "resume=runs/s")[0] == 0
    Path(file).write_text(Path(file).read_text().replace("12", "13").replace("Mean", "The mean"))

    status, _, complaints = sfmodel("run", "resume=runs/s")

    assert status == 2
    assert said in complaints
    assert complaints.count("\n") == 1
    assert len(list(Path("runs/s").glob("*/MANIFEST.json"))) == 2


def test_more_values_go_into_the_same_sweep(sfmodel: Command) -> None:
    sfmodel("run", "-m", "platform=tiny", "seed=1,2", "hydra.sweep.dir=runs/s")
    status, output, _ = sfmodel("run", "-m", "platform=tiny", "seed=1,2,3", "hydra.sweep.dir=runs/s")
    assert status == 0
    assert "3 of 3 points finished" in output
    assert package.open_sweep("s")["seed"].values.tolist() == [1, 2, 3]


def test_values_before_those_that_are_there_go_into_the_same_sweep_unless_a_file_changed(sfmodel: Command) -> None:
    """What is compared is the first point as it was then, with each file."""
    path = Path("conf/scenario/more.yaml")
    path.parent.mkdir()
    path.write_text("title: more\nevents: [{at: 2 min, scale: {demand.level: 2}}]\n")
    words = ("run", "-m", "platform=tiny", "scenario=none,more", "hydra.sweep.dir=runs/s")
    assert sfmodel(*words, "seed=2,3")[0] == 0
    status, output, _ = sfmodel(*words, "seed=1,2,3")
    assert status == 0
    assert output.count("finished before, and not made again") == 4
    path.write_text(path.read_text().replace("level: 2", "level: 3"))

    status, _, complaints = sfmodel(*words, "seed=0,1,2,3")

    assert status == 2
    assert "scenario=more is not what it was" in complaints


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("seed=1,1",), "the same point twice, seed=1"),
        (("seed=range(1,1)",), "'seed=range(1,1)' is empty"),
        (("sed=1,2",), "unknown key 'sed'; did you mean 'seed'?"),
        (("resume=runs/none",), "there is no sweep 'runs/none'"),
    ],
)
def test_a_mistake_is_said_before_anything_runs(sfmodel: Command, words: tuple[str, ...], said: str) -> None:
    status, _, complaints = sfmodel("run", "-m", "platform=tiny", *words)
    assert status == 2
    assert said in complaints
    assert not Path("runs").exists()


@pytest.mark.parametrize("swept", ["scenario=none,half", "intervention=[],[half]"])
def test_a_file_that_cannot_be_read_is_said_before_anything_runs(sfmodel: Command, swept: str) -> None:
    group = swept.partition("=")[0]
    Path(f"conf/{group}").mkdir(parents=True)
    Path(f"conf/{group}/half.yaml").write_text("title: [half", encoding="utf-8")

    status, _, err = sfmodel("run", "-m", "platform=tiny", swept, "hydra.sweep.dir=runs/s")

    assert status == 2
    assert "half.yaml, line 1" in err
    assert not Path("runs").exists()


def test_that_there_are_many_points_costs_nothing_before_the_first_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    composed = []
    compose_one = compose._compose
    monkeypatch.setattr(compose, "_compose", lambda words: composed.append(words) or compose_one(words))

    found = compose.jobs(["platform=chain", "seed=range(1,2001)", "scenario=none,f4_engine_half"])

    assert found is not None
    assert len(found.overrides) == 4000
    assert len(composed) == 3  # the first, and one with each scenario


def test_points_are_composed_only_where_they_run(sfmodel: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    composed = []
    load = ConfigLoaderImpl.load_sweep_config
    counted = lambda self, master, words: composed.append(words) or load(self, master, words)  # noqa: E731
    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", counted)

    status, _, complaints = sfmodel("run", "-m", "platform=tiny", "seed=1,2,3")

    assert status == 0, complaints
    assert len(composed) == 3


def test_two_points_with_the_same_folder(sfmodel: Command) -> None:
    """Signs that a folder's name had better not have are all written alike."""
    status, _, complaints = sfmodel("run", "-m", "platform=tiny", "platform.title='a: b','a; b'")
    assert status == 2
    assert "two points with the same folder" in complaints


def test_points_of_long_names_have_folders_of_their_own() -> None:
    long = "intervention=[" + ",".join(f"change_number_{k}" for k in range(30)) + "]"
    one, two = (point_of([long, f"seed={seed}"], ()) for seed in (1, 2))
    assert one.name != two.name
    assert max(len(one.name), len(two.name)) <= MOST_OF_A_NAME


def test_resume_takes_flags_and_other_launchers(sfmodel: Command) -> None:
    """A flag that is given again, in any place, and settings of a launcher that is not used any more."""
    words = ("run", "-m", "platform=tiny", "seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=1")
    assert sfmodel(*words, "hydra.sweep.dir=runs/s")[0] == 0
    assert sfmodel("run", "resume=runs/s", "-m")[0] == 0
    status, output, complaints = sfmodel("run", "resume=runs/s", "hydra/launcher=basic")
    assert (status, complaints) == (0, "")
    assert "2 of 2 points finished" in output


def test_a_glob_is_every_file_of_the_group(sfmodel: Command) -> None:
    status, _, _ = sfmodel("run", "-m", "platform=tiny", "scenario=glob(no*)", "hydra.sweep.dir=runs/s")
    assert status == 0
    assert package.open_sweep("s")["scenario"].values.tolist() == ["none"]


def test_a_glob_of_no_file_is_an_empty_sweep(sfmodel: Command) -> None:
    status, _, complaints = sfmodel("run", "-m", "platform=tiny", "scenario=glob(q*)")
    assert status == 2
    assert "'scenario=glob(q*)' is empty" in complaints


def test_effects_and_as_many_seeds_as_they_need(sfmodel: Command) -> None:
    servers = "platform.services.server.stations.servers.servers"
    sfmodel("run", "-m", "platform=tiny", "seed=1,2,3", f"{servers}=9,12", "hydra.sweep.dir=runs/s")

    status, table, _ = sfmodel("effects", "s", "-o", "effects.svg")
    assert status == 0
    assert "servers.servers" in table
    drawn = Path("effects.svg").read_text()
    assert len(drawn) > 5_000
    runs = {path.parent.name: path for path in Path("runs/s").glob("*/summary.json")}
    lines = (f"{name} {json.loads(path.read_text())['run']['digest']}\n" for name, path in sorted(runs.items()))
    assert f"6 of 6 runs, data sha256 {hashlib.sha256(''.join(lines).encode()).hexdigest()}<" in drawn
    data = json.loads(sfmodel("effects", "s", "--json")[1])["effects"][0]
    size = data["rows"][0]["figures"]["response_mean"]
    assert size["high"] < 0  # more servers, less waiting: 80/s x 100 ms are 8 busy of 9

    half_ms = 900 * (size["high"] - size["low"]) / 2  # a tenth less than the interval of three seeds
    words = ("narrow", "s", "--figure", "response_mean", "--half", f"{half_ms:.6g} ms")
    said = sfmodel(*words, "--only-say")[1]
    assert "4 seeds; there are 3" in said  # ceil(3 / 0.9²)
    status, table, _ = sfmodel(*words)
    assert status == 0
    assert "± half of 95 % intervals over 4 seeds, by the variance of the first 3" in table
    assert package.open_sweep("s")["seed"].values.tolist() == [1, 2, 3, 4]
    assert "4 seeds; there are 4" in sfmodel(*words, "--only-say")[1]  # the first stage stays what it was
    hard = (*words[:-1], f"{half_ms / 10:.6g} ms", "--most", "4")
    assert f"Not all are within ± {half_ms / 10:.6g} ms: that takes" in sfmodel(*hard)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("effects", "t"), "there is no sweep 't'"),
        (("effects", "s", "--figures", "respons_mean"), "did you mean 'response_mean'?"),
        (("effects", "s", "--period", "peek"), "expected whole, normal, peak"),
        (("narrow", "s", "--figure", "response_mean", "--half", "5 parsecs"), "--half: "),
        (("narrow", "s", "--figure", "response_mean", "--half", "5 ms"), "changes nothing"),
        (("narrow", "s", "--figure", "x", "--half", "5 ms"), "no run shows 'x'"),
    ],
)
def test_what_cannot_be_analysed_is_one_sentence(sfmodel: Command, words: tuple[str, ...], said: str) -> None:
    sfmodel("run", "-m", "platform=tiny", "seed=1,2", "hydra.sweep.dir=runs/s")
    status, _, complaints = sfmodel(*words)
    assert status == 2
    assert said in complaints


def test_a_sweep_of_replications_is_not_narrowed(sfmodel: Command) -> None:
    Sweep(["-m"], [], [Point("run", {})], [], {"replications": 2}, {}).write(Path("runs/s"))
    status, _, complaints = sfmodel("narrow", "s", "--figure", "response_mean", "--half", "5 ms")
    assert status == 2
    assert "make the sweep with seed=1,2,3 and without replications" in complaints


@pytest.mark.parametrize(
    ("name", "install"),
    [("ray", "sfmodel[ray]"), ("slurm", "sfmodel[slurm]"), ("joblib", "hydra-joblib-launcher")],
)
def test_a_launcher_that_is_not_installed_says_what_to_install(
    sfmodel: Command, monkeypatch: pytest.MonkeyPatch, name: str, install: str
) -> None:
    monkeypatch.setattr(launchers, "find_spec", lambda package: None)

    status, output, complaints = sfmodel("run", "-m", "platform=tiny", f"hydra/launcher={name}", "seed=1,2")

    assert (status, output) == (2, "")
    assert complaints == f"sfmodel: hydra/launcher={name} is not installed; pip install '{install}'\n"


def test_a_launcher_of_ones_own_is_met_as_what_it_is(
    sfmodel: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "conf/hydra/launcher"
    own.mkdir(parents=True)
    (own / "ours.yaml").write_text("defaults: [slurm]\n\nmem_gb: 5\n", encoding="utf-8")
    monkeypatch.setattr(launchers.shutil, "which", lambda command: None)

    status, _, complaints = sfmodel("run", "-m", "platform=tiny", "hydra/launcher=ours", "seed=1,2")

    assert status == 1
    assert complaints.startswith("sfmodel: Slurm is not on this machine: there is no sbatch")
    assert "squeue" in launchers.what_goes_on(launchers.SLURM)


def test_a_mistyped_cluster_is_named(sfmodel: Command) -> None:
    status, _, complaints = sfmodel("run", "-m", "platform=tiny", "hydra/launcher=slrum", "seed=1,2")

    assert status == 2
    assert complaints == "sfmodel: there is no hydra/launcher 'slrum'; did you mean 'slurm'?\n"


def test_a_machine_without_the_folder_of_the_sweep_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    settings = OmegaConf.create({
        "sweep": {"dir": str(tmp_path / "home/runs/s")}, "runtime": {"cwd": str(tmp_path / "home")},
        "sweeper": {"_target_": "hydra._internal.BasicSweeper"}, "job": {"chdir": False},
    })  # fmt: skip

    with pytest.raises(RunError, match=r"does not have the sweep's folder .*/runs/s; start the sweep in a folder that"):
        sweep.entered(settings)

    (tmp_path / "home/runs/s").mkdir(parents=True)
    (tmp_path / "home/runs/s/multirun.yaml").touch()
    assert sweep.entered(settings) == Path("runs/s")
    assert Path.cwd() == tmp_path / "home"
