"""The shipped interventions at work, on a StreamFlow that is small enough for a test."""

from __future__ import annotations

from typing import Any

from support import totals

from sfmodel.cli.compose import composed

SMALL = (
    "users=1M", "items=100k", "demand.level=0.05", "start='16:00'", "warmup=30 s", "until='16:05'",
)  # fmt: skip
SLOW_LLM = "platform.services.llm.stations.provider.speed=0.1"
"""4 s and more; its client gives up after 30 s."""


def evening(*overrides: str) -> dict[str, Any]:
    return totals(composed([*SMALL, *overrides]))


def test_the_engine_goes_on_without_a_slow_llm() -> None:
    found = evening(SLOW_LLM, "intervention=[llm_timeout]", "intervention.llm_timeout.timeout=1s")
    timeouts = sum(
        found["call_outcomes"][site]["timeout"]
        for site in ("engine.recommend>llm.describe", "engine.explain>llm.explain")
    )
    assert timeouts > 5
    assert found["llm_fallback"] == timeouts
    assert 0 < found["llm_rule"] <= found["llm_fallback"]
    assert found["endpoint_outcomes"]["engine.recommend"]["timeout"] == 0


def test_without_it_the_engine_waits() -> None:
    found = evening(SLOW_LLM)
    assert found["call_outcomes"]["engine.recommend>llm.describe"]["timeout"] == 0
    assert "llm_fallback" not in found


def test_a_timeout_that_never_comes_changes_nothing() -> None:
    """No LLM call takes as long as an hour: with such a timeout, or a longer one, everything stays the same."""
    timeout = "platform.services.engine.endpoints.recommend.steps.describe.timeout=1h"
    assert evening(timeout) == evening()
    one_hour, two_hours = (
        evening("intervention=[llm_timeout]", f"intervention.llm_timeout.timeout={time}") for time in ("1h", "2h")
    )
    assert one_hour == two_hours
    assert one_hour["llm_fallback"] == 0
