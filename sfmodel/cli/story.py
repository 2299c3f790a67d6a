"""Tell what a trigger led to: which step began when, at which service, with the number that shows it.

A step has begun in the first window in which its measure leaves the band of the paired run, which has the same seed,
start and platform and no trigger; that is why the same run without its scenario is needed beside it. Stories are YAML,
in conf/stories/<platform>.yaml.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.cli.which_run import add_against_argument, add_replication_argument, add_run_argument, base_of, folder_of
from sfmodel.clock import clock
from sfmodel.errors import ConfigError, nearest

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.stories import Stories


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_replication_argument(parser)
    add_against_argument(parser)
    parser.add_argument("--story", metavar="NAME", help="which story (default: that of the run's scenario)")
    parser.add_argument("--stories", type=Path, metavar="FILE", help="stories of your own (default: the platform's)")
    parser.add_argument("--json", action="store_true", help="print the story as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Find the steps and print them."""
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import beside, replication, seeds_of
    from sfmodel.rows.files import file_of, needed_file, scenario_of
    from sfmodel.stories import Telling, read_stories, tell
    from sfmodel.stories.pair import has_scenario
    from sfmodel.stories.table import moral, story_data, story_table

    folder = folder_of(arguments)
    ds = replication(open_run(folder), arguments.replication)
    if arguments.against is None and not has_scenario(ds.attrs):
        raise ConfigError(
            f"{folder.name} ran without a scenario, so there is no story to tell; run one, such as "
            f"'sfmodel run platform={ds.attrs.get('platform')} scenario=NAME' (sfmodel list scenarios), and name that run"
        )
    base = base_of(arguments, folder)
    stories = read_stories(arguments.stories or needed_file("stories", ds))
    telling = Telling(stories, ds, beside(open_run(base), seeds_of(ds)[0]))
    scenario = scenario_of(ds)
    story = telling.story(arguments.story or _of_scenario(stories, ds, scenario))
    told, begins_s = tell(story, telling.pair), telling.pair.begins_s
    if arguments.json:
        print(json.dumps(story_data(story, told, begins_s), indent=2, ensure_ascii=False))
        return 0
    from sfmodel.console import stdout

    title = f"{story.title}: {folder.name} beside {base.name}, trigger at {clock(begins_s)}"
    stdout().print(story_table(story, told, begins_s, title))
    print(moral(told))
    others = [name for name, other in stories.stories.items() if other is not story]
    if others:
        print(f"others to tell of this run, with --story: {', '.join(others)}")
    if file_of("rows", ds, scenario):
        print(f"whether it recovered: sfmodel figures {folder.name} --against {base.name}")
    return 0


def _of_scenario(stories: Stories, ds: xr.Dataset, scenario: str | None) -> str:
    found = stories.of_scenario(scenario) if scenario else None
    if found is None:
        of = f"scenario '{ds.attrs.get('scenario')}'" if ds.attrs.get("scenario") else "a run without a scenario"
        raise ConfigError(f"there is no story of {of}; name one with --story: {nearest('', stories.stories)}")
    return found
