"""A platform of which theory says at which load a trigger leaves it down, in YAML.

Servers serve μ = 100 calls a second, in order of arrival, of however many wait, or of so many. Who waits longer than a second
gives up and calls again, r times in all; the work goes on, and is for nothing. Once the queue is longer than that second, each
request makes 1 + r calls and none is answered in time. So at λ requests a second

    λ(1 + r) < μ         the queue empties: stable
    λ < μ ≤ λ(1 + r)     it runs, and once down stays down: vulnerable
    μ ≤ λ                it is down by itself: overloaded

With r = 0 there is no vulnerable load.
"""

from __future__ import annotations

from pathlib import Path

CAPACITY = 100.0

PLATFORM = """# @package _global_
defaults: [override /demand: flat]
start: 1 min
until: 2 min
warmup: 30 s
window: 10 s
trace: {{one_in: 0}}
platform:
  name: planted
  network: 0 s
  services:
    web:
      endpoints:
        get:
          steps:
            - call: db.query
              label: query
              timeout: 1 s
              retries: {{attempts: {attempts}, backoff: constant, base: 0 s}}
    db:
      stations: {{servers: {{servers: 10, queue: {queue}}}}}
      endpoints: {{query: {{steps: [{{use: servers, time: {{exponential: 100 ms}}}}]}}}}
  sources: {{visits: {{call: web.get, rate: 1/s, follow_demand: true}}}}
"""

SETTING = """
load: {{key: demand.level, levels: [{levels}]}}
trigger:
  title: Servers are gone
  lose: [services.db.stations.servers.servers]
  sizes: [{sizes}]
  durations: [{durations}]
before: 1 min
horizon: {horizon}
recovery: {{window: 10 s, windows: 3, failing: 2 %, slow: 2, up: 90 %}}
{ramp}
"""


def write(
    folder: Path,
    attempts: int = 3,
    levels: str = "20, 60",
    sizes: str = "10 %, 90 %",
    durations: str = "30 s",
    horizon: str = "5 min",
    ramp: str = "",
    queue: str = "null",
) -> None:
    """Write the platform, its map's design, and an intervention without retries, into conf/ of a folder."""
    for group in ("platform", "metastability", "intervention"):
        (folder / "conf" / group).mkdir(parents=True, exist_ok=True)
    (folder / "conf/platform/planted.yaml").write_text(
        PLATFORM.format(attempts=attempts, queue=queue), encoding="utf-8"
    )
    text = SETTING.format(levels=levels, sizes=sizes, durations=durations, horizon=horizon, ramp=ramp)
    (folder / "conf/metastability/planted.yaml").write_text(text, encoding="utf-8")
    once = (
        "# @package intervention.once\ntitle: Once\neffort: days\nundo: hours\n"
        "changes: [{set: {services.web.endpoints.get.steps.query.retries: null}}]\n"
    )
    (folder / "conf/intervention/once.yaml").write_text(once, encoding="utf-8")
