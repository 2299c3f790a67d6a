"""Calls behind a cache's miss, in scripts whose ways can be told by reading."""

from __future__ import annotations

from typing import Any

import pytest

from sfmodel.plan import build_plan
from sfmodel.schema import parse_run

CALL = {"call": "database.query"}
SCRIPTS: dict[str, tuple[list[Any], list[str]]] = {
    "what follows a lookup that returns on a hit": ([{"lookup": "pages", "on_hit": "return"}, CALL], ["web.pages"]),
    "what is done on a miss": ([{"lookup": "pages", "on_miss": [CALL]}], ["web.pages"]),
    "what is done on a hit": ([{"lookup": "pages", "on_hit": [CALL]}], [""]),
    "what comes either way": ([{"lookup": "pages"}, CALL], [""]),
    "what comes before": ([CALL, {"lookup": "pages", "on_hit": "return"}], [""]),
    "a call that is made sometimes": (
        [{"lookup": "pages", "on_hit": "return"}, {**CALL, "with_probability": 0.5}, CALL], ["web.pages", "web.pages"],
    ),
    "what is done when a call fails": (
        [{"lookup": "pages", "on_hit": "return"}, {**CALL, "on_failure": [CALL]}], ["web.pages", "web.pages"],
    ),
    "branches of a choice": (
        [{"lookup": "pages", "on_miss": [{"choose": [{"probability": 0.5, "do": [CALL]}, {"probability": 0.5, "do": []}]}]}],
        ["web.pages"],
    ),
    "branches of a fork": ([{"lookup": "pages", "on_miss": [{"fork": [[CALL], [CALL]]}]}], ["web.pages", "web.pages"]),
    "the inner of two caches": (
        [{"lookup": "pages", "on_hit": "return"}, CALL, {"lookup": "parts", "on_hit": "return"}, CALL],
        ["web.pages", "web.parts"],
    ),
    "a lookup that is made sometimes": (
        [{"lookup": "pages", "on_hit": "return", "with_probability": 0.5}, CALL], ["web.pages"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_calls_behind_a_miss(script: str) -> None:
    steps, expected = SCRIPTS[script]
    caches = {name: {"key": "item", "ttl": "1 h", "of": "memory", "entry_size": "1 kB"} for name in ("pages", "parts")}
    services = {
        "web": {"caches": caches, "endpoints": {"get": {"steps": steps}}},
        "memory": {"memory": {"limit": "1 GB", "eviction": "random"}},
        "database": {"endpoints": {"query": {"steps": [{"sleep": "1 ms"}]}}},
    }
    sources = {"visits": {"call": "web.get", "rate": "1/s", "item": "random"}}
    plan = build_plan(
        parse_run({"platform": {"name": "shop", "services": services, "sources": sources}, "until": "1 s"})
    )
    assert plan.behind == expected
    assert plan.kept_in == ["memory", "memory"]
