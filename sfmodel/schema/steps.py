"""The verbs of a script: one mapping, one verb."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from typing_extensions import TypeAliasType

from sfmodel.errors import nearest
from sfmodel.schema.base import Word
from sfmodel.schema.calls import Breaker, Failure, Hedge, Retries, Throttle
from sfmodel.schema.durations import Time
from sfmodel.schema.quantities import Amount, Duration, Factor, Priority, Share

VERBS = (
    "use", "hold", "call", "send", "fork", "publish", "lookup", "store", "invalidate",
    "pass", "sleep", "choose", "count", "return", "fail",
)  # fmt: skip


def _handler(value: Any) -> Any:
    """`continue` is an empty list of steps; one step needs no list; a bare word is a verb."""
    if value == "continue":
        return []
    if isinstance(value, str | dict):
        return [value]
    return value


def _one_verb(value: Any) -> Any:
    """A mapping with exactly one verb; `return` and `fail` may stand without a value."""
    if isinstance(value, StepBase):
        return value
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, dict):
        raise ValueError(f"expected a step such as {{use: cpu, time: 5 ms}}, found {value!r}")
    found = [verb for verb in VERBS if verb in value]
    if len(found) > 1:
        raise ValueError(f"expected one verb in a step, found {' and '.join(found)}; make two steps of it")
    if not found:
        first = next(iter(value), "")
        raise ValueError(f"expected a verb in the step, found '{first}'; {nearest(str(first), VERBS)}")
    return value


def _label(value: Any) -> Any:
    if not re.fullmatch(r"[A-Za-z_][\w-]*", str(value)):
        raise ValueError(f"expected a label of letters, digits, _ and -, that begins with a letter, found '{value}'")
    return value


Label = Annotated[str, BeforeValidator(_label)]

Steps = TypeAliasType("Steps", Annotated[list["Step"], BeforeValidator(_handler)])


class StepBase(Word):
    """Common to all steps."""

    with_probability: Share = 1.0
    """The step is skipped otherwise."""
    unless_zombie: bool = False
    """A task that nobody waits for any more skips the step: it has asked whether its caller is still there."""
    label: Label | None = None
    """Name of the step, in keys (`steps.LABEL.time`) and of its draws; none: its number."""


class Failing(StepBase):
    """A step that can fail."""

    on_timeout: Steps | None = None
    """After a timeout."""
    on_rejected: Steps | None = None
    """After a full queue."""
    on_throttled: Steps | None = None
    """After a limiter's refusal."""
    on_open: Steps | None = None
    """After a breaker's refusal."""
    on_unavailable: Steps | None = None
    """When no replica answered."""
    on_error: Steps | None = None
    """After an error."""
    on_expired: Steps | None = None
    """After a deadline or patience has passed in a queue."""
    on_failure: Steps | None = None
    """After any failure without a handler of its own."""

    def handler(self, outcome: str) -> list[Step] | None:
        """Steps for this outcome, None where the task ends with it."""
        own: list[Step] | None = getattr(self, f"on_{outcome}", None)
        return own if own is not None else self.on_failure


class SlowedByStation(Word):
    """Factor 1 + each × number in service there."""

    station: str
    """Station of the same replica."""
    each: Factor
    """Slowdown by each."""


class SlowedByCounter(Word):
    """Factor (running total / reference)^exponent."""

    counter: str
    """Counter of the platform."""
    reference: Annotated[Factor, Field(gt=0)]
    """Total at which the factor is 1."""
    exponent: Factor
    """Power of the growth."""


class Use(Failing):
    """Queue for a server, occupy it, release it."""

    use: str
    """Station of this service."""
    time: Time
    """Service time."""
    per_message: Duration = 0.0
    """Further time for each message of a batch."""
    slowed_by: list[SlowedByStation | SlowedByCounter] = []
    """Further slowdowns."""


class Hold(Failing):
    """Queue for a server and occupy it while the steps run."""

    hold: str
    """Station of this service."""
    do: Steps
    """What is done meanwhile."""


class Call(Failing):
    """Call an endpoint and wait for its reply."""

    call: str
    """service.endpoint"""
    timeout: Duration | None = None
    """Of each attempt; none: waits as long as it takes."""
    deadline: Duration | None = None
    """Of all attempts and backoffs together."""
    network: Duration | None = None
    """One-way latency; none: the platform's."""
    retries: Retries | None = None
    """None: one attempt."""
    throttle: Throttle | None = None
    """None: every attempt asks the breaker."""
    breaker: Breaker | None = None
    """None: every attempt is sent."""
    hedge: Hedge | None = None
    """None: no second attempt beside the first."""
    cancel: bool = False
    """Cancel the callee when giving up on it; false: it goes on as a zombie."""
    propagate: bool = False
    """Tell the callee the deadline."""
    priority: Priority | None = None
    """Priority of the callee; none: the caller's."""
    on_ok: Steps | None = None
    """After a success; a handler of a failure goes on behind it."""


class Send(StepBase):
    """Call an endpoint and go on at once."""

    send: str
    """service.endpoint"""
    network: Duration | None = None
    """One-way latency; none: the platform's."""
    priority: Priority | None = None
    """Priority of the callee; none: the caller's."""


class Fork(Failing):
    """Run branches side by side."""

    fork: Annotated[list[Steps], Field(min_length=1)]
    """The branches, each a list of steps."""
    join: Literal["all", "first"] | Annotated[int, Field(ge=1)] = "all"
    """How many must succeed."""
    cancel: bool = False
    """Cancel the rest when decided."""

    @model_validator(mode="after")
    def _enough_branches(self) -> Fork:
        if isinstance(self.join, int) and self.join > len(self.fork):
            raise ValueError(
                f"expected a join of at most the {len(self.fork)} branches, found {self.join}: it could never succeed"
            )
        return self


class Publish(Failing):
    """Append a message to a queue with consumers."""

    publish: str
    """service.queue"""
    priority: Priority | None = None
    """Priority of the message; none: the task's."""


class Lookup(StepBase):
    """Read a cache."""

    lookup: str
    """Cache of this service, or service.cache."""
    on_hit: Steps = []
    """After a hit."""
    on_miss: Steps = []
    """After a miss."""
    on_stale: Steps | None = None
    """After a stale hit; none: as after a hit."""


class Store(StepBase):
    """Write a cache."""

    store: str
    """Cache of this service, or service.cache."""


class Invalidate(StepBase):
    """Make entries invalid."""

    invalidate: str
    """Cache of this service, or service.cache."""
    scope: Literal["key", "similar", "all"] = "key"
    """Which entries."""
    share: Share = 1.0
    """Share of all topics that count as similar."""
    over: Duration = 0.0
    """Spread over so long; 0: all at once, as a broadcast does."""
    soft: bool = False
    """Entries become stale, and are served for the cache's `stale_for`, instead of invalid (a soft purge)."""


class Pass(Failing):
    """Ask a limiter."""

    pass_: str = Field(alias="pass")
    """Limiter of this service."""


class Sleep(StepBase):
    """Wait."""

    sleep: Time
    """How long."""


class Branch(Word):
    """One branch of a choice."""

    probability: Share
    """Of this branch."""
    do: Steps = []
    """Its steps."""


class Choose(StepBase):
    """One branch by chance."""

    choose: Annotated[list[Branch], Field(min_length=1)]
    """The branches."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> Choose:
        total = sum(branch.probability for branch in self.choose)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"expected probabilities that sum to 1, found {total:g}")
        return self


class CountStep(StepBase):
    """Add to a counter."""

    count: str
    """Counter of the platform."""
    add: Amount = 1.0
    """How much."""


class Return(StepBase):
    """End with `ok`."""

    return_: None = Field(None, alias="return")
    """Takes no value."""


class Fail(StepBase):
    """End with a failure."""

    fail: Failure | None = None
    """Outcome; none: error."""


def verb_of(value: Any) -> str:
    """The one verb of a step."""
    if isinstance(value, StepBase):
        return next(verb for verb, model in BY_VERB.items() if isinstance(value, model))
    return next(verb for verb in VERBS if verb in value)


BY_VERB: dict[str, type[StepBase]] = {
    "use": Use, "hold": Hold, "call": Call, "send": Send, "fork": Fork, "publish": Publish,
    "lookup": Lookup, "store": Store, "invalidate": Invalidate, "pass": Pass, "sleep": Sleep,
    "choose": Choose, "count": CountStep, "return": Return, "fail": Fail,
}  # fmt: skip

Step = TypeAliasType(
    "Step",
    Annotated[
        Annotated[Use, Tag("use")]
        | Annotated[Hold, Tag("hold")]
        | Annotated[Call, Tag("call")]
        | Annotated[Send, Tag("send")]
        | Annotated[Fork, Tag("fork")]
        | Annotated[Publish, Tag("publish")]
        | Annotated[Lookup, Tag("lookup")]
        | Annotated[Store, Tag("store")]
        | Annotated[Invalidate, Tag("invalidate")]
        | Annotated[Pass, Tag("pass")]
        | Annotated[Sleep, Tag("sleep")]
        | Annotated[Choose, Tag("choose")]
        | Annotated[CountStep, Tag("count")]
        | Annotated[Return, Tag("return")]
        | Annotated[Fail, Tag("fail")],
        Discriminator(verb_of),
        BeforeValidator(_one_verb),
    ],
)
