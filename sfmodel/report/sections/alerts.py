"""What alerts would have said of this run, and when."""

from __future__ import annotations

from sfmodel.alerts import alarms, evaluable, read_objectives
from sfmodel.alerts.table import alarms_data, alarms_table
from sfmodel.clock import clock
from sfmodel.report.parts import Missing, Note, Part, Sheet, listing
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted
from sfmodel.rows.bands import first_trigger_s
from sfmodel.rows.files import file_of
from sfmodel.stories.pair import has_scenario

_HEADS = ("objective", "alert", "fires_s", "ends_s", "lasts", "after_trigger_s")


def section(run: RunSubject) -> list[Part | Note]:
    """The table of `sfmodel alerts`."""
    run.needs("endpoint_outcomes", "endpoint_latency_ok")
    path = file_of("alerts", run.ds)
    if path is None:
        raise Missing(f"There are no objectives for this platform: no conf/alerts/{run.ds.attrs.get('platform')}.yaml.")
    objectives, left_out = evaluable(read_objectives(path), float(run.ds.attrs["window_s"]))
    found = alarms(run.ds, objectives)
    trigger_s = first_trigger_s(run.ds) if has_scenario(run.ds.attrs) else None
    rows = alarms_data(found, trigger_s)
    sheet = Sheet("alerts", {head: [row[head] for row in rows] for head in _HEADS})
    says = "No alert would have fired."
    if found:
        after = [one for one in found if trigger_s is not None and one.fires_s >= trigger_s]
        first = (after or found)[0]
        when = f", {first.fires_s - trigger_s:,.0f} s after the trigger" if after and trigger_s is not None else ""
        says = (
            f"Alerts would have fired {counted(len(found), 'time')}; the first{' after the trigger' if after else ''}, at "
            f"{clock(first.fires_s, True)}{when}, for the objective '{first.promise}': {first.alert}, at worst {first.highest}."
        )
    if left_out:
        says = f"{says} {left_out[0].upper()}{left_out[1:]}."
    return [listing(alarms_table(found, objectives, trigger_s), "Alerts", says, sheet)]
