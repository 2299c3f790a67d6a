"""Which of what was found stands for a mode, what it sets off, and on which seeds it is known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import xarray as xr
from rich.console import Console

from failure_modes.planted import answered, chain
from sfmodel.diagnosis.cascades import Cascade
from sfmodel.failure_modes import modes
from sfmodel.failure_modes.harm import Harm
from sfmodel.failure_modes.modes import Mode, modes_of
from sfmodel.failure_modes.search import Found
from sfmodel.failure_modes.table import modes_data, modes_table
from sfmodel.failure_modes.trials import Trials, setting_of
from sfmodel.failure_modes.triggers import Fault, Scaled, Trigger
from sfmodel.failure_modes.words import said_of

SPEED = Scaled("a.cpu", "slower", 6.0, ("services.a.stations.cpu.speed",), grows=False)
CHEAP, DEAR = (Trigger((Fault.of(SPEED, size, 60.0),)) for size in (1.0, 3.0))
BREAKS, HARMLESS = Harm(0.5, 0.0, 0.0), Harm(0.001, 0.0, 0.0)
AT_S, WINDOW_S = 60.0, 30.0


def cascade(begins_s: float, *path: str) -> Cascade:
    return Cascade("a.cpu", 0.9, path, begins_s, begins_s, 300.0, False, ())


def found(
    monkeypatch: pytest.MonkeyPatch, every: Sequence[Found], cascades: Sequence[Cascade] = (), held_out: int = 1
) -> tuple[list[Mode], Trials]:
    monkeypatch.setattr(modes, "cascades", lambda ds: list(cascades))
    setting = setting_of(chain({"a": 0.5}), answered(0.9), (1, 2), AT_S, 300.0, range(3, 3 + held_out))
    trials = Trials(setting, lambda mappings: dict.fromkeys(mappings, xr.Dataset(attrs={"window_s": WINDOW_S})))
    trials._seen |= {(one.trigger, seed): BREAKS for one in every for seed in (1, 2)}
    return modes_of(every, trials, {}), trials


def test_a_confirmed_mode_is_not_hidden_behind_a_cheaper_one_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [Found(CHEAP, True, True, (HARMLESS,)), Found(DEAR, True, True, (BREAKS,))]
    (mode,), _ = found(monkeypatch, every)
    assert (mode.trigger, mode.others) == (DEAR, (CHEAP,))
    assert mode.is_confirmed


def test_of_modes_that_are_confirmed_the_cheapest_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    (mode,), _ = found(monkeypatch, [Found(one, True, True, (BREAKS,)) for one in (DEAR, CHEAP)])
    assert (mode.trigger, mode.others) == (CHEAP, (DEAR,))


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Found(CHEAP, True, True, (BREAKS,)), "also with seed 3"),
        (Found(CHEAP, True, True, (HARMLESS,)), "not with seed 3"),
        (Found(CHEAP, True, True, (None,)), "not judged with seed 3"),
        (Found(CHEAP, True, True), "not tried on a held-out seed"),
        (Found(CHEAP, True, False), "not shrunk to the end"),
        (Found(CHEAP, False, False), "one seed"),
    ],
)
def test_confirmed_is_what_breaks_it_on_a_held_out_seed(one: Found, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (mode,), trials = found(monkeypatch, [one])
    assert mode.is_confirmed == (said == "also with seed 3")
    assert f"({said})" in printed(mode, trials)
    (data,) = modes_data({"mode_01": mode}, trials.setting)
    assert data["confirmed"] == mode.is_confirmed
    assert [seed["seed"] for seed in data["held_out"]] == [3] * len(one.held_out)


def test_every_held_out_seed_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    (mode,), trials = found(monkeypatch, [Found(CHEAP, True, True, (BREAKS, HARMLESS, BREAKS))], held_out=3)
    assert not mode.is_confirmed
    assert "(also with seeds 3, 5; not with seed 4)" in printed(mode, trials)


def test_a_cascade_that_had_begun_is_not_the_triggers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may begin a window before, since that in which the trigger comes is in trouble as a whole."""
    before, own = cascade(AT_S - WINDOW_S - 30, "x", "y", "web"), cascade(AT_S - WINDOW_S, "a", "web")
    (mode,), trials = found(monkeypatch, [Found(CHEAP, True, True, (BREAKS,))], [before, own])
    assert (mode.path, mode.before) == (("a", "web"), ("x", "y", "web"))
    assert "x → y → web was there before it." in said_of(mode, trials.setting, trials.limit)
    (mode,), trials = found(monkeypatch, [Found(CHEAP, True, True, (BREAKS,))], [before])
    assert (mode.path, mode.cause) == ((), "")
    assert "none; x → y → web was there before" in printed(mode, trials)


def printed(mode: Mode, trials: Trials) -> str:
    console = Console(width=250)
    with console.capture() as capture:
        console.print(modes_table({"mode_01": mode}, trials.setting))
    return capture.get()
