"""The command line as a user meets it: one clear line for each wrong request, the right exit status, no traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from small_run import recorded_run

import sfmodel as package
from sfmodel.cli import COMMANDS
from sfmodel.console import PIPED, stdout
from sfmodel.errors import ConfigError


def write_platform(changes: dict) -> None:
    """Write conf/platform/mine.yaml: one service with keys replaced by dotted paths."""
    platform: dict = {
        "name": "mine",
        "services": {
            "web": {
                "stations": {"workers": {"servers": 2}, "locks": {"servers": 1}},
                "endpoints": {"get": {"steps": [{"use": "workers", "time": "5 ms"}]}},
            }
        },
        "sources": {"visitors": {"call": "web.get", "rate": "10/s"}},
    }
    for key, value in changes.items():
        *above, last = key.split(".")
        here = platform
        for part in above:
            here = here[part]
        here[last] = value
    path = Path("conf/platform/mine.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"defaults": [{"override /demand": "flat"}], "platform": platform}, allow_unicode=True)
    path.write_text("# @package _global_\n" + text, encoding="utf-8")


STEPS = "services.web.endpoints.get.steps"

WRONG_PLATFORMS = [
    (
        {"services.web.stations.worker": {"severs": 1}},
        "platform.services.web.stations.worker.severs: unknown key 'severs'",
    ),
    (
        {STEPS: [{"call": "web.get", "timeout": "5 MB"}]},
        f"platform.{STEPS}.0.timeout: expected a duration such as '5 ms', found '5 MB', which is in megabyte",
    ),
    ({STEPS: [{"call": "shop.get"}]}, f"platform.{STEPS}.0.call: there is no service 'shop'"),
    ({STEPS: [{"call": "web.get"}]}, f"platform.{STEPS}.0: this endpoint waits for itself (web.get → web.get)"),
    (
        {STEPS: [{"hold": "locks", "do": [{"hold": "locks", "do": []}]}]},
        f"platform.{STEPS}.0.do.0: this can deadlock: a server of each station is held while the next is queued for",
    ),
    (
        {STEPS: [{"choose": [{"probability": 0.5}, {"probability": 0.4}]}]},
        f"platform.{STEPS}.0.choose: expected probabilities that sum to 1, found 0.9",
    ),
    (
        {"sources.visitors.rate": "-3/s"},
        "platform.sources.visitors.rate: expected a rate that is not negative, found '-3/s'",
    ),
    ({"sources.visitors.call": "web.gett"}, "there is no endpoint of web 'gett'; did you mean 'get'?"),
]


@pytest.mark.parametrize(("changes", "expected"), WRONG_PLATFORMS)
@pytest.mark.parametrize("command", [("run", "platform=mine"), ("lint", "mine")])
def test_a_wrong_platform(sfmodel, changes: dict, expected: str, command: tuple[str, ...]) -> None:
    write_platform(changes)
    status, _, complaints = sfmodel(*command)
    assert status == 2
    assert len(complaints.splitlines()) == 1
    assert complaints.startswith("sfmodel: ")
    assert expected in complaints


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rum"], "there is no command 'rum'; did you mean 'run'?"),
        (["list", "platform"], "list: there is no list of 'platform'; did you mean 'platforms'?"),
        (
            ["list"],
            "list: say what to list: parameters, mechanisms, measures, platforms, demands, scenarios, interventions, stories, "
            "paths, runs\n",
        ),
        (
            ["run", "folder=x", "platform=chain"],
            "folder: unknown key 'folder'; valid are: demand, forks, intervention, items, name, platform, processes, "
            "replications, scenario, seed, start, sweep, switch_on, tick, trace, until, …\n",
        ),
        (["list", "parameters", "xyzzy"], "list parameters: nothing contains 'xyzzy'"),
        (["lint"], "lint: the following arguments are required: platform; see 'sfmodel lint --help'"),
        (["lint", "streamflw"], "there is no platform 'streamflw'; did you mean 'streamflow'?"),
        (["lint", "mmc", "--hit", "5 MB"], "lint: --hit: expected a share such as '15 %', found '5 MB'"),
        (["lint", "mmc", "seed=1,2"], "one configuration is expected here, found a sweep"),
        (["run", "sed=3"], "sed: unknown key 'sed'; did you mean 'seed'?"),
        (["run", "platfrm=mmc"], "platfrm: unknown key 'platfrm'; did you mean 'platform'?"),
        (["run", "platform=mmmc"], "there is no platform 'mmmc'; did you mean 'mmc'?"),
        (["run", "-m", "platform=mmc,chian"], "there is no platform 'chian'; did you mean 'chain'?"),
        (["run", "intervention=[llm_timout]"], "there is no intervention 'llm_timout'; did you mean 'llm_timeout'?"),
        (
            ["run", "-m", "intervention=[],[llm_timout]"],
            "there is no intervention 'llm_timout'; did you mean 'llm_timeout'?",
        ),
        (
            ["run", "intervention.llm_timeout.timeout=2s"],
            "intervention.llm_timeout.timeout: this intervention is not switched on; add intervention=[llm_timeout]",
        ),
        (
            ["run", "intervention=[llm_timeout]", "intervention.llm_timeout.timout=2s"],
            "unknown key 'timout' in intervention.llm_timeout; did you mean 'timeout'?",
        ),
        (
            ["run", "platform=chain", "intervention=[llm_timeout]"],
            "there is no 'describe' in platform.services.llm.endpoints; valid are: complete",
        ),
        (["run", "scenario=f4"], "there is no scenario 'f4'; did you mean 'f4_engine_half'?"),
        (["run", "demand=taxy"], "there is no demand 'taxy'; did you mean 'taxi'?"),
        (["run", "users=5G"], "users: expected a value of at most 4,294,967,295, found '5G'"),
        (["run", "platform=mmc", "seed=1e20"], "seed: expected a value below 9,223,372,036,854,775,808, found 1e+20"),
        (
            ["run", "platform=mmc", "platform.sources.arrivals.batch=10G"],
            "platform.sources.arrivals.batch: expected a value of at most 2,147,483,647, found '10G'",
        ),
        (["run", "platform=chain", "users=1k"], "users: platform 'chain' has no users, only sources; leave this out"),
        (
            ["run", "platform=chain", "items=1k"],
            "items: platform 'chain' keeps nothing by item, neither in a cache nor",
        ),
        (
            ["run", "platform=mmc", "warmup=1m"],
            "warmup: expected a duration such as '5 ms', found '1m', which is in meter; minutes are 'min'",
        ),
        (["run", "platform=mmc", "tick=0"], "tick: expected a value above 0, found 0"),
        (["run", "platform=mmc", "seed"], "'seed' is not an override; expected key=value"),
        (["run", "platform=mmc", "seed=1,2"], "'seed=1,2' has several values; for a run of each, add -m"),
        (["run", "platform=mmc", "--fast"], "run: unrecognized arguments: --fast; see 'sfmodel run --help'"),
        (["run", "platform=mmc", "until=-1s"], "until: expected a time of day such as '15:30' or '24h', found '-1s'"),
        (
            ["run", "platform=mmc", "platform.services.serve.stations.servers.servers=3"],
            "unknown key 'serve' in platform.services; did you mean 'server'?",
        ),
        (
            ["run", "platform=mmc", "platform.services.server.stations.servers.sped=3"],
            "unknown key 'sped' in platform.services.server.stations.servers; did you mean 'speed'?",
        ),
        (
            ["new", "3 shops"],
            "new: expected a name of letters, digits and _, that begins with a letter, found '3 shops'",
        ),
        (["new", "chain"], "new: 'chain' is a platform that comes with sfmodel; choose another name"),
        (
            ["run", "platform=mmc", "start=20:00", "until=19:00"],
            "until: expected a time at or after start, 20:00, found 19",
        ),
        (["run", "platform=mmc", "hydra.lancher=x"], "hydra.lancher: key 'lancher' not in 'HydraConf'"),
        (["run", "-cd", "nowhere"], "run: --config-dir: there is no folder 'nowhere'"),
        (["schema", "platfrm"], "schema: there is no part 'platfrm'; did you mean 'platform'?"),
        (["summary", "nosuchrun"], "there is no run 'nosuchrun'"),
    ],
)
def test_a_wrong_request(sfmodel, words: list[str], expected: str) -> None:
    status, _, complaints = sfmodel(*words)
    assert status == 2
    assert len(complaints.splitlines()) == 1
    assert expected in complaints


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("platform:\n  a: [1\n", "mine.yaml, line 3: expected ',' or ']', but got '<stream end>'"),
        ("# @package _global_\nplatform:\n  name: x\n  name: y\n", "mine.yaml, line 4: found duplicate key name"),
        (
            "defaults:\n  - override /demand: flat\nname: x\n",
            "begins with the line '# @package _global_', and its keys with",
        ),
        (
            "platform:\n  name: x\n",
            "platform.platform: unknown key 'platform'; begin the file with '# @package _global_'",
        ),
        ("3\n", "mine.yaml: expected a mapping (key: value), found 3"),
        ("name: Zo\udceb\n", "mine.yaml: expected text in UTF-8"),
        ("name: ${nobody}\n", "refers to ${nobody}, which is not there"),
        ("defaults: [nothing_there]\nname: x\n", "In 'platform/mine': Could not load 'platform/nothing_there'\n"),
    ],
)
def test_a_file_that_cannot_be_read(sfmodel, text: str, expected: str) -> None:
    path = Path("conf/platform/mine.yaml")
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode(errors="surrogateescape"))
    for command in (("run", "platform=mine"), ("lint", "mine")):
        status, _, complaints = sfmodel(*command)
        assert status == 2
        assert expected in complaints


def test_steps_are_shared_by_anchors_merges_and_references(sfmodel) -> None:
    from sfmodel.cli.compose import composed
    from sfmodel.schema import parse_run

    write_platform({})
    path = Path("conf/platform/mine.yaml")
    shared = """
      page: {steps: [&ask {call: web.get, timeout: 1 s, on_timeout: continue}]}
      again: {steps: [*ask, {<<: *ask, timeout: 2 s}, '${platform.services.web.endpoints.get.steps.0}']}
"""
    path.write_text(
        path.read_text().replace("endpoints:\n", "endpoints:" + shared.replace("\n      ", "\n        "), 1)
    )
    endpoints = parse_run(composed(["platform=mine"])).platform.services["web"].endpoints
    one, two, three = endpoints["again"].steps
    assert one == endpoints["page"].steps[0]
    assert (two.timeout, two.on_timeout) == (2, [])
    assert three == endpoints["get"].steps[0]


def test_all_mistakes_are_named_at_once(sfmodel) -> None:
    write_platform({"sources.visitors.rate": "fast", "services.web.stations.workers.servers": -1})
    status, _, complaints = sfmodel("run", "platform=mine")
    assert status == 2
    assert len(complaints.splitlines()) == 2


def test_a_key_that_no_file_has_written_needs_no_plus(sfmodel) -> None:
    from sfmodel.cli.compose import composed

    mapping = composed(["platform=mmc", "platform.services.server.stations.servers.speed=0.5"])
    assert mapping["platform"]["services"]["server"]["stations"]["servers"] == {"servers": 10, "speed": 0.5}


def test_help_names_every_command_with_an_example(sfmodel) -> None:
    status, output, _ = sfmodel("--help")
    assert status == 0
    for name, command in COMMANDS.items():
        assert f"  {name} " in output
        assert command.example in output


def test_a_pipe_is_as_wide_as_tables_need_and_columns_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert stdout().width == PIPED
    monkeypatch.setenv("COLUMNS", "90")
    assert stdout().width == 90


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(
    sfmodel, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    try:
        status, output, _ = sfmodel(name, "--help")
    except SystemExit as end:  # argparse prints and leaves
        status, output = end.code, capsys.readouterr().out
    assert status == 0
    assert max(map(len, output.splitlines())) <= 80


def test_version(sfmodel) -> None:
    assert sfmodel("--version")[1].startswith("sfmodel 0.")


@pytest.mark.parametrize(
    "what", ["parameters", "mechanisms", "measures", "platforms", "demands", "scenarios", "interventions"]
)
def test_lists(sfmodel, what: str) -> None:
    status, output, _ = sfmodel("list", what)
    assert status == 0
    assert len(output.splitlines()) > (0 if what == "interventions" else 2)


def test_runs_are_listed_the_newest_first_and_damaged_ones_say_so(sfmodel) -> None:
    assert sfmodel("list", "runs")[2] == "sfmodel: list runs: there is none in runs; make one with 'sfmodel run'\n"
    recorded_run("older", platform="shop", seed=2, until_s=72060.0)
    recorded_run("newer", platform="shop", seed=1, scenario="Trouble", interventions=["breakers"], until_s=72060.0)
    recorded_run("torn", platform="shop", until_s=72060.0)
    (Path("runs/torn/dataset.zarr/zarr.json")).write_text("{")
    Path("runs/killed.partial").mkdir()
    Path("runs/killed.partial/INCOMPLETE").write_text("The process that wrote it was killed.\n")
    lines = [" ".join(line.split()) for line in sfmodel("list", "runs")[1].splitlines()]
    assert lines[0] == "NAME PLATFORM SEED HOURS SCENARIO"
    assert lines[1].startswith("torn – – – runs/torn")
    assert lines[2:4] == ["newer shop 1 20:00–20:01 Trouble, breakers", "older shop 2 20:00–20:01 –"]
    assert lines[4].startswith(
        "killed.partial – – – runs/killed.partial is incomplete: The process that wrote it was killed."
    )


def test_an_intervention_is_listed_with_its_parameters(sfmodel) -> None:
    folder = Path("conf/intervention")
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package intervention.mine\n# Mine.\ntitle: t\nwait: 2 s\nhard: false\nlimit: null\nchanges: []\n"
    )
    (folder / "torn.yaml").write_text("# Torn.\nwait: [1\n")
    lines = sfmodel("list", "interventions")[1].splitlines()
    assert [" ".join(line.split()) for line in lines if line.startswith(("mine", "torn"))] == [
        "mine Mine. Parameters: wait (2 s), hard (false), limit (null).",
        "torn Torn.",
    ]


def test_a_platform_in_a_file_of_another_name_is_said(sfmodel) -> None:
    Path("conf/platform").mkdir(parents=True)
    Path("conf/platform/mine.yml").write_text("x: 1\n")
    status, _, complaints = sfmodel("lint", "mine")
    assert status == 2
    assert "there is no platform 'mine'; rename " in complaints
    assert complaints.rstrip().endswith("conf/platform/mine.yml to mine.yaml")


def test_overrides_are_words() -> None:
    with pytest.raises(ConfigError, match=r"load: expected words such as 'seed=2', each .*, found \['seed=2'\]"):
        package.load("mmc", ["seed=2"])  # type: ignore[arg-type]


def test_parameters_show_the_defaults_of_a_run_where_the_configuration_has_others_than_the_language(sfmodel) -> None:
    lines = sfmodel("list", "parameters")[1].splitlines()
    rows = {line.split()[0]: " ".join(line.split()) for line in lines}
    assert rows["KEY"] == "KEY WHAT IS WRITTEN DEFAULT MEANING"
    assert rows["start"] == "start a time of day, quoted 15:30 First moment measured."
    assert " 45 min " in rows["warmup"]
    assert " 10000 " in rows["trace.one_in"]
    assert " none " in rows["tick"]
    assert " required " in rows["platform.users.population"]


@pytest.mark.parametrize("what", ["parameters", "mechanisms", "measures", "scenarios"])
def test_lists_fit_a_terminal_of_80_columns(sfmodel, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    whole = sfmodel("list", what)[1].split()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    output = sfmodel("list", what)[1]
    assert max(map(len, output.splitlines())) <= 80
    assert output.split() == whole


def test_every_parameter_says_what_it_means(sfmodel) -> None:
    from sfmodel.schema.catalogue import parameters

    assert [row for row in parameters() if not row[-1] or not row[1]] == []


@pytest.mark.parametrize(
    ("part", "file", "definition"),
    [
        ("rows", "rows/streamflow.yaml", "Row"),
        ("claims", "claims/streamflow.yaml", "Claim"),
        ("alerts", "alerts/streamflow.yaml", "Objective"),
        ("stories", "stories/streamflow.yaml", "StoryStep"),
        ("paths", "paths/streamflow.yaml", "Step"),
        ("figures", "figures/streamflow.yaml", "Panel"),
    ],
)
def test_the_schema_of_what_is_looked_for_names_every_key_of_streamflows_files(sfmodel, part, file, definition) -> None:
    schema = json.loads(sfmodel("schema", part)[1])
    written = yaml.safe_load((Path(__file__).parents[2] / "conf" / file).read_text(encoding="utf-8"))
    assert set(written) <= set(schema["properties"])
    assert "description" in next(iter(schema["$defs"][definition]["properties"].values()))


@pytest.mark.parametrize(
    ("part", "definition", "key", "kinds"),
    [
        ("rows", "Row", "at_least", {"number", "string", "null"}),
        ("rows", "Row", "measure", {"string"}),
        ("rows", "Row", "window", {"number", "string", "null"}),
        ("figures", "Panel", "show", {"object", "array"}),
        ("stories", "StoryStep", "slack", {"number", "string"}),
        ("paths", "Step", "within", {"number", "string"}),
    ],
)
def test_schemas_take_values_as_they_are_written(sfmodel, part, definition, key, kinds) -> None:
    found = json.loads(sfmodel("schema", part)[1])["$defs"][definition]["properties"][key]
    types = [one["type"] for one in found.get("anyOf", [found])]
    assert {kind for one in types for kind in ([one] if isinstance(one, str) else one)} == kinds


def test_schema_is_json_and_knows_the_language(sfmodel) -> None:
    schema = json.loads(sfmodel("schema")[1])
    assert {"platform", "demand", "scenario", "seed", "defaults"} <= set(schema["properties"])
    assert "Station" in schema["$defs"]
    assert "required" not in schema
    assert {"enum": ["return", "fail", "continue", "original"]} in schema["$defs"]["Step"]["anyOf"]
    assert "endpoints" in json.loads(sfmodel("schema", "service")[1])["properties"]


def test_new_writes_a_platform_that_is_right_and_does_not_overwrite_it(sfmodel) -> None:
    status, output, _ = sfmodel("new", "shop")
    assert status == 0
    assert "sfmodel run platform=shop" in output
    written = Path("conf/platform/shop.yaml").read_text()
    assert "$schema=" in written
    assert "docs/" not in written  # which a wheel does not have
    assert json.loads(Path("conf/sfmodel.schema.json").read_text())
    assert sfmodel("lint", "shop")[0] == 0
    assert "shop " in sfmodel("list", "platforms")[1]
    before = Path("conf/platform/shop.yaml").read_text()
    status, _, complaints = sfmodel("new", "shop")
    assert status == 2
    assert "is there already and stays as it is" in complaints
    assert Path("conf/platform/shop.yaml").read_text() == before


def test_lint_is_status_1_where_there_are_faults(sfmodel) -> None:
    servers = "platform.services.server.stations.servers.servers"
    status, output, _ = sfmodel("lint", "mmc")
    assert (status, output.splitlines()[-2:]) == (0, ["Faults", "  none"])
    status, output, _ = sfmodel("lint", "mmc", f"{servers}=8")
    assert status == 1
    assert output.splitlines()[-1] == f"  server.servers is overloaded: at peak 8 of 8, 100% ({servers})"


def test_lint_fits_a_terminal_of_80_columns_and_leaves_keys_whole(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal
    output = sfmodel("lint", "streamflow")[1]
    too_long = [line for line in output.splitlines() if len(line) > 80 and len(line.split()) > 1]
    assert too_long == []
    assert "platform.services.llm.endpoints.ask_large.steps.0.retries.attempts" in output


def test_a_run_is_told_before_it_begins_what_it_will_not_show(sfmodel) -> None:
    event = "{at: '20:00', scale: {services.server.stations.servers.servers: 0.5}}"
    status, output, _ = sfmodel("run", "platform=mmc", "until=61s", f"+scenario.events=[{event}]")
    assert status == 0
    assert output.splitlines()[1] == (
        "warning: scenario.events.0 (from 20:00 on) lies outside of what is measured, 00:01:00 to 00:01:01; "
        "choose start and until around it"
    )
    assert "warning: scenario.events.0" in next(Path("runs").glob("*/sfmodel.log")).read_text()
    assert "warning" not in sfmodel("run", "platform=mmc", "until=61s")[1]


def test_a_run_in_memory_is_told_too(sfmodel) -> None:
    import sfmodel as package

    event = "{at: '20:00', scale: {services.server.stations.servers.servers: 0.5}}"
    with pytest.warns(UserWarning, match="lies outside of what is measured"):
        package.load("mmc", f"+scenario.events=[{event}]").run(until="61 s")


def test_an_interrupt_says_what_is_kept(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("sfmodel.running"), "run_to_folder", interrupted)
    assert sfmodel("run", "platform=mmc")[::2] == (1, "sfmodel: interrupted\n")
    assert sfmodel("run", "-m", "platform=mmc", "seed=1,2", "hydra.sweep.dir=runs/sweep")[::2] == (
        1,
        "sfmodel: interrupted; runs of the sweep that had finished are kept, "
        "sfmodel run resume=runs/sweep goes on from there\n",
    )


def test_run_hands_over_the_mapping_and_hydras_files(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    running = importlib.import_module("sfmodel.running")
    calls: list[tuple] = []
    monkeypatch.setattr(running, "run_to_folder", lambda *arguments: calls.append(arguments))
    one_second = SimpleNamespace(strftime=lambda _: "sweep-20260101-120000")
    monkeypatch.setattr("sfmodel.cli.fresh_folder.time", one_second)
    assert sfmodel("run", "-m", "platform=mmc", "seed=1,2")[0] == 0
    assert [(mapping["seed"], name) for mapping, _, _, name in calls] == [(1, "seed=1"), (2, "seed=2")]
    assert sfmodel("run", "-m", "platform=mmc", "seed=1,2", "name=x")[0] == 0
    assert [mapping["name"] for mapping, *_ in calls[2:]] == ["x,seed=1", "x,seed=2"]
    assert [root.name for _, _, root, _ in calls[1:3]] == ["sweep-20260101-120000", "sweep-20260101-120000-2"]
    mapping, files, root, _ = calls[0]
    assert mapping["platform"]["name"] == "mmc"
    assert set(files) == {"config.yaml", "overrides.yaml", "hydra.yaml"}
    assert root.parts[0] == "runs"
    assert sfmodel("run", "platform=mmc")[0] == 0
    assert calls[-1][2:] == (Path("runs"), None)


@pytest.mark.parametrize(
    ("overrides", "fixed", "expected"),
    [
        (["platform=mmc", "seed=2"], ["platform"], "seed=2"),
        (
            ["++platform.services.db.stations.pool.servers=3", "demand.level=0.97"],
            [],
            "pool.servers=3,demand.level=0.97",
        ),
        (["intervention=[llm_timeout,x]"], [], "intervention=llm_timeout-x"),
        (["platform/streamflow/sets=a b", "~name"], [], "streamflow.sets=a-b,name"),
        (["platform=mmc"], ["platform"], "run"),
        (["intervention=[]"], [], "intervention=none"),
        (["name=n", "seed=2"], ["name"], "n,seed=2"),
        (["name=n"], [], "n"),
    ],
)
def test_jobs_of_a_sweep_are_named_by_what_is_their_own(overrides: list[str], fixed: list[str], expected: str) -> None:
    from sfmodel.sweeps import point_of

    assert point_of(overrides, fixed).name == expected


def test_a_long_name_keeps_its_beginning_and_is_not_that_of_another() -> None:
    from sfmodel.sweeps import point_of

    names = {point_of([f"a.b={'x' * 300}{end}"], []).name for end in "yz"}
    assert len(names) == 2
    assert {len(name) for name in names} == {200}
    assert all(name.startswith("a.b=" + "x" * 187) for name in names)


def test_every_command_that_a_run_ends_with_works(sfmodel) -> None:
    """Of a run, of a job of a sweep, of one with a scenario whose pair is there: what is printed can be typed."""
    Path("conf/rows").mkdir(parents=True)
    row = {"id": "A", "title": "t", "measure": "mean(endpoint[server.serve])", "unit": "s", "at_least": "1 ms"}
    Path("conf/rows/mmc.yaml").write_text(yaml.safe_dump({"rows": [row]}))
    step = {"label": "More wait", "at": "server", "measure": "waiting(station)", "reaches": 0}
    Path("conf/stories").mkdir()
    story = {"title": "Slow", "scenario": "slow", "steps": [step]}
    Path("conf/stories/mmc.yaml").write_text(yaml.safe_dump({"stories": {"slow": story}}))
    event = {"at": "90 s", "scale": {"services.server.stations.servers.servers": 0.5}}
    Path("conf/scenario").mkdir()
    Path("conf/scenario/slow.yaml").write_text(yaml.safe_dump({"title": "Half of it", "events": [event]}))
    tiny = ("platform=mmc", "until=3 min", "trace.one_in=100")
    sets = [("-m", *tiny, "seed=1,2"), (*tiny, "name=base"), (*tiny, "scenario=slow")]
    printed = "".join(sfmodel("run", *words)[1] for words in sets)
    typed = re.findall(r"^(?:next:|     ) sfmodel (.+?)  ", printed, re.MULTILINE)
    usual = ["summary", "plot", "figures", "trace"]
    assert [command.split()[0] for command in typed] == [*usual * 3, *usual[:3], "story", "trace"]
    for command in typed:
        status, _, complaints = sfmodel(*command.split())
        assert (status, complaints) == (0, ""), command


def test_python_m_sfmodel_ends_with_the_status_of_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sfmodel", "run", "platform=chian"]
    assert subprocess.run(command, cwd=tmp_path, stderr=subprocess.DEVNULL).returncode == 2


def test_a_sweep_goes_on_after_a_failed_run_and_ends_with_its_status(sfmodel, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    from sfmodel.errors import RunError

    running = importlib.import_module("sfmodel.running")
    seeds: list[int] = []

    def run(mapping: dict, *_: object) -> None:
        seeds.append(mapping["seed"])
        if mapping["seed"] == 1:
            raise RunError("the disk is full")

    monkeypatch.setattr(running, "run_to_folder", run)
    status, _, complaints = sfmodel("run", "-m", "platform=mmc", "seed=1,2", "hydra.sweep.dir=runs/s")
    assert (status, seeds) == (1, [1, 2])
    again = "sfmodel run resume=runs/s makes them again"
    assert complaints == f"sfmodel: the disk is full\nsfmodel: failed so: seed=1, in runs/s; {again}\n"
    record = json.loads(Path("runs/s/failed/seed=1.json").read_text())
    assert record == {"error": "the disk is full", "exit_status": 1, "overrides": ["platform=mmc", "seed=1"]}
