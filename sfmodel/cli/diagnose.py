"""Say where a run hurts: who dragged down whom, what its failures come from, what kept the others, how busy that was.

A cascade is a service in trouble, beside the calmest fifth of the run, and those that wait for it or fail with it. Under it
stands who acts on whom, with the share of the trouble, or of the further calls, that comes this way. Whether that is so can be
tried: --ablate runs the time of the cascade again with the same seed for each edge, and without what makes it; with --hours or
--period only edges of cascades that go on then.

Loops are requests and calls that are made again, and misses after which nothing is stored. Their gain is how many further
attempts one more attempt makes, through the load too: above 1 they feed themselves.

Each failed request counts for one cause, at the end of the chain of who waited for whom: through calls, retries, open
breakers, and workers that are held. The shares add up to all of them. A request that was answered counts, with its time,
for what kept it longest.
"""

from __future__ import annotations

import argparse
import json

from sfmodel.cli.numbers import positive
from sfmodel.cli.period import add_period_arguments, period_of
from sfmodel.cli.which_run import add_replication_argument, add_run_argument, folder_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_replication_argument(parser)
    add_period_arguments(parser)
    parser.add_argument(
        "--ablate", action="store_true", help="cut each edge for one run with the same seed, and say what is left of it"
    )
    parser.add_argument(
        "--processes", type=positive, metavar="N", help="runs at a time (default: as many as there are cores)"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Rank the causes and print them."""
    from sfmodel.diagnosis import by_endpoint, cascades, troubles
    from sfmodel.diagnosis.ablation import FOLDER, Ablation, Ablations
    from sfmodel.diagnosis.cascade_table import ablations_data, ablations_of, cascades_data, cascades_table
    from sfmodel.diagnosis.kept import keep, kept
    from sfmodel.diagnosis.loop_table import loops_data, loops_table
    from sfmodel.diagnosis.loops import loops
    from sfmodel.diagnosis.table import endpoints_table, troubles_data, troubles_table
    from sfmodel.results import measures
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import replication

    folder = folder_of(arguments)
    ds = replication(open_run(folder), arguments.replication)
    period, windows = period_of(arguments, ds)
    found, failures, spread = troubles(ds, windows), by_endpoint(ds, windows), cascades(ds)
    turning = loops(ds)
    cuts: list[Ablation] = []
    if arguments.ablate:
        asked = arguments.hours is not None or arguments.period is not None
        tried = [one for one in spread if not asked or one.goes_on(ds["time"].values[windows])]
        cuts = Ablations(ds, tried).made(folder, arguments.processes) if tried else []
    if cuts:
        known = ablations_of(kept(folder / FOLDER, ds) or [], spread)
        every = {one.key: one for one in (*known, *cuts)}
        keep(folder / FOLDER, ds, ablations_data(list(every.values())))
    if arguments.json:
        causes = {"causes": troubles_data(found), "endpoints": failures}
        print(
            json.dumps(
                {
                    "cascades": cascades_data(spread),
                    "ablations": ablations_data(cuts),
                    "loops": loops_data(turning),
                    "period": period,
                    **causes,
                },
                indent=2,
            )
        )
        return 0
    from sfmodel.console import stdout

    console = stdout()
    if spread:
        console.print(cascades_table(spread, f"{folder.name}, {measures.covered(ds)}: who drags down whom", cuts))
    else:
        print(f"{folder.name}, {measures.covered(ds)}: no cascade.")
    if arguments.ablate and spread and not cuts:
        print(f"No cascade goes on in these hours ({period}), so that nothing was cut.")
    if turning:
        title = f"{folder.name}, {measures.covered(ds)}: loops, in the quarter of an hour that is closest"
        console.print(loops_table(turning, title, console.width))
    console.print(
        troubles_table(found, f"{folder.name}, {period}: what failures and time come from, and how busy it was")
    )
    if sum(one.failures for one in found):
        console.print(endpoints_table(failures, "What the failed requests come from"))
    else:
        print("No request failed.")
    return 0
