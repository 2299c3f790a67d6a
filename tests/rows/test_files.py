"""Files of rows, stories, paths and panels are YAML as Hydra reads it."""

import pytest
import xarray as xr
from omegaconf import OmegaConf
from pydantic import ConfigDict

from sfmodel.errors import ConfigError
from sfmodel.rows.files import read_words, scenario_of
from sfmodel.schema.base import Word
from sfmodel.schema.files import conf_folder


def test_a_scenario_is_found_by_its_title_also_in_a_folder_of_them():
    inside = OmegaConf.load(conf_folder() / "scenario/literature/burst.yaml")
    title = inside.get("scenario", inside)["title"]
    assert scenario_of(xr.Dataset(attrs={"scenario": title})) == "literature/burst"
    assert scenario_of(xr.Dataset(attrs={"scenario": "no such"})) is None


class _Anything(Word):
    model_config = ConfigDict(extra="allow")


def read(path, text=None):
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return read_words(path, _Anything).model_extra


def test_the_files_that_ship_are_read_as_hydra_reads_them():
    kinds = ("rows", "claims", "alerts", "stories", "paths", "figures")
    files = [path for kind in kinds for path in (conf_folder() / kind).rglob("*.yaml")]

    assert len(files) > 10
    for path in files:
        assert read(path) == OmegaConf.to_container(OmegaConf.load(path)), path


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e3", 1000.0),
        ("1.5e-3", 0.0015),
        ("5E+2", 500.0),
        ("2026-11-26", "2026-11-26"),
        ("1_000", 1000),
        ("off", False),
        ("'1e3'", "1e3"),
        ("e3", "e3"),
        ("1e", "1e"),
    ],
)
def test_a_scalar_is_what_it_is_to_hydra(tmp_path, written, value):
    found = read(tmp_path / "a.yaml", f"a: {written}\n")

    assert found == {"a": value}
    assert found == OmegaConf.to_container(OmegaConf.load(tmp_path / "a.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rows:\n  - id: A\n    id: B\n", r"a\.yaml: 'id' stands twice in \".*a\.yaml\", line 3"),
        ("rows: [\n", r"a\.yaml: while parsing .* line 2"),
        ("- 1\n", r"a\.yaml: expected a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(tmp_path, text, expected):
    with pytest.raises(ConfigError, match=expected):
        read(tmp_path / "a.yaml", text)


def test_a_key_may_stand_again_elsewhere_and_behind_what_is_merged(tmp_path):
    text = "base: &base {a: 1, b: 2}\none: {<<: *base, b: 3}\ntwo: {a: 1}\n"

    assert read(tmp_path / "a.yaml", text) == {"base": {"a": 1, "b": 2}, "one": {"a": 1, "b": 3}, "two": {"a": 1}}


def test_an_empty_file_says_nothing(tmp_path):
    assert read(tmp_path / "a.yaml", "") == {}
