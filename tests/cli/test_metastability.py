"""`sfmodel metastability`, as typed, on the planted platform."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1]))

from metastability.planted import write

from sfmodel.results.digest import digest

Command = Callable[..., tuple[int, str, str]]


def test_the_map_is_printed_written_and_drawn_and_what_is_finished_is_not_made_again(
    sfmodel: Command, tmp_path: Path
) -> None:
    write(tmp_path, levels="60", sizes="10 %, 90 %", durations="30 s", horizon="2 min")
    words = ("metastability", "--platform", "planted", "--seeds", "1", "--depth", "0", "--folder", "runs/m")
    status, output, complaints = sfmodel(*words, "-o", "map.svg")

    assert (status, complaints) == (0, "")
    assert "none: vulnerable at 60." in output
    assert "not recovered within the horizon" in output
    assert "1/1" in output
    assert "> 120 s" in output
    ds = xr.open_zarr("runs/m/map.zarr", consolidated=False)
    assert f"map, data sha256 {digest(ds)}<" in Path("map.svg").read_text(encoding="utf-8")
    assert dict(ds.sizes) == {"change": 1, "load": 1, "size": 2, "duration": 1, "seed": 1}
    assert ds["recovered"].values.ravel().tolist() == [1, 0]
    assert np.isnan(ds["time_to_recover"].values.ravel()).tolist() == [False, True]

    made = {path: path.stat().st_mtime_ns for path in Path("runs/m").glob("*/MANIFEST.json")}
    assert len(made) == 3  # the pair and two cells
    assert sfmodel(*words)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in Path("runs/m").glob("*/MANIFEST.json")} == made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--platform", "plantd"), "--platform: there is no platform 'plantd'; did you mean 'planted'?"),
        (("platform=plantd",), "--platform: there is no platform 'plantd'; did you mean 'planted'?"),
        (("platform=chain",), "there is no trigger for platform 'chain': write conf/metastability/chain.yaml"),
        (("--platform", "chain"), "there is no trigger for platform 'chain': write conf/metastability/chain.yaml"),
        (("--changes", "twice"), "--changes: there is no intervention 'twice'"),
        (("--changes", "none+none"), "--changes: 'none+none' is no set"),
        (("--changes", " , "), "--changes: name at least one"),
        (("--within", "soon"), "--within: "),
        (("--depth", "9"), "--depth: expected 0 to 6, found 9"),
        (("window=20s",), "recovery.window: expected a multiple of the run's windows, 20 s, found 10 s"),
        (("-o", "map.txt"), "--output: expected a file that ends in .svg, .png or .pdf, found 'map.txt'"),
    ],
)
def test_a_mistake_is_one_sentence(sfmodel: Command, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    write(tmp_path)
    status, _, complaints = sfmodel("metastability", "--platform", "planted", *words)
    assert status == 2
    assert said in complaints
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("services.db.stations", "services.dv.stations", "scenario.events.0.scale"),
        (
            "window: 10 s, windows: 3",
            "endpoints: [web.gte], window: 10 s, windows: 3",
            "there is no endpoint 'web.gte'",
        ),
        ("sizes:", "size:", "trigger"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(
    sfmodel: Command, tmp_path: Path, before: str, after: str, said: str
) -> None:
    write(tmp_path)
    path = tmp_path / "conf/metastability/planted.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    status, _, complaints = sfmodel("metastability", "--platform", "planted")
    assert status == 2
    assert said in complaints
    assert not Path("runs").exists()


def test_time_that_is_up_says_what_is_known_so_far(sfmodel: Command, tmp_path: Path) -> None:
    write(tmp_path, levels="60", sizes="90 %", durations="30 s")
    status, output, _ = sfmodel("metastability", "--platform", "planted", "--within", "1ms", "--folder", "runs/m")
    assert status == 0
    assert "time is up: the same command goes on with what is kept in runs/m" in output
    assert "too little has run to say anything yet" in output


def test_interrupted_it_says_what_is_known_so_far(
    sfmodel: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sfmodel.metastability import Cell, Job, Known, Outcome, State, mapping

    def interrupted(setting: object, known: Known, *rest: object) -> None:
        known.tell(Job("none", Cell(60, 0.9, 30), 1), Outcome(State.RECOVERED, 40.0))
        raise KeyboardInterrupt

    write(tmp_path, levels="60", sizes="90 %", durations="30 s")
    monkeypatch.setattr(mapping, "map_until", interrupted)
    status, output, complaints = sfmodel("metastability", "--platform", "planted", "--folder", "runs/m")
    assert status == 0
    assert "interrupted; what had ended counts, and the same command goes on" in complaints
    assert "none: stable at 60." in output
    assert "40 s" in output
    assert Path("runs/m/map.zarr").exists()
