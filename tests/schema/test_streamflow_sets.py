"""Other sets of values under which StreamFlow's figures hold: files that may be chosen on the command line."""

import pytest

from sfmodel.cli.compose import composed
from sfmodel.running import checked
from sfmodel.schema.files import conf_folder

SETS = sorted(path.stem for path in (conf_folder() / "platform" / "streamflow" / "sets").glob("*.yaml"))


def of(name: str):
    config = dict(composed(["platform=streamflow", f"platform/streamflow/sets={name}"]))
    return checked(config).platform


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_a_platform(name):
    assert len(of(name).services) == 11


def test_a_constant_stands_where_it_is_used():
    run = checked(dict(composed(["platform=streamflow", "platform.constants.gateway_timeout=3 s"])))
    (step, _log) = run.platform.services["gateway"].endpoints["recommendations"].steps
    assert step.timeout == 3.0
    assert "constants" not in run.written["platform"]
