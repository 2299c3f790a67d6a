"""What alerts would have said of this run, and when."""

from __future__ import annotations

from sfmodel.alerts import alarms, read_objectives
from sfmodel.alerts.table import alarms_data, alarms_table
from sfmodel.clock import clock
from sfmodel.report.parts import Missing, Note, Part, Sheet, listing
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted
from sfmodel.rows.bands import first_trigger_s
from sfmodel.rows.files import file_of
from sfmodel.stories.pair import has_scenario

_HEADS = ("objective", "burn", "long_s", "short_s", "fires_s", "ends_s", "lasts", "highest", "after_trigger_s")


def section(run: RunSubject) -> list[Part | Note]:
    """The table of `sfmodel alerts`."""
    run.needs("endpoint_outcomes", "endpoint_latency_ok")
    path = file_of("alerts", run.ds)
    if path is None:
        raise Missing(f"There are no objectives for this platform: no conf/alerts/{run.ds.attrs.get('platform')}.yaml.")
    objectives = read_objectives(path)
    found = alarms(run.ds, objectives)
    trigger_s = first_trigger_s(run.ds) if has_scenario(run.ds.attrs) else None
    rows = alarms_data(found, trigger_s)
    sheet = Sheet("alerts", {head: [row[head] for row in rows] for head in _HEADS})
    says = "No alert would have fired."
    if found:
        says = (
            f"Alerts would have fired {counted(len(found), 'time')}, first at {clock(found[0].fires_s, True)} for the objective "
            f"'{found[0].objective.name}', whose budget burnt at {found[0].highest:.3g} times its rate."
        )
    return [listing(alarms_table(found, objectives, trigger_s), "Alerts", says, sheet)]
