"""Random small platforms as mappings for `parse_run`; hypothesis draws the seed of each.

A platform has up to four services in a row; scripts call, send and publish to later services only, so that nothing
waits for itself. Within a service tasks hold `pool` and use `cpu` or `disk`, and never hold twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import strategies as st

Mapping = dict[str, Any]

ODD = ("7.3 ms", "13.7 ms", "31.1 ms", "53.9 ms", "0.1171 s", "0.2313 s")
EVEN = ("10 ms", "20 ms", "50 ms", "100 ms", "0.2 s")
SHORT_WAITS = ("40 ms", "83.7 ms", "150 ms", "0.3137 s", "0.6 s")
CURVES = (
    {"sine": {"amplitude": 0.5, "peak_at": "00:00:05", "period": "8 s"}},
    {"points": {"00:00": 0.3, "00:00:03.137": 2, "00:00:07.71": 0.7}, "interpolate": "step"},
)
FAILURES = ("timeout", "rejected", "throttled", "open", "unavailable", "error", "expired")
NAMES = ("front", "middle", "back", "store")


@dataclass
class Builder:
    """What the parts of one platform need to know of each other."""

    chance: Random
    random: bool
    with_users: bool
    services: list[str]
    targets: list[str] = field(default_factory=list)
    """Endpoints of later services."""
    queues: list[str] = field(default_factory=list)
    """Queues of later services."""
    caches: dict[str, list[str]] = field(default_factory=dict)
    """Caches by service."""
    limiters: dict[str, list[str]] = field(default_factory=dict)
    """Limiters by service."""

    def pick(self, *options: Any) -> Any:
        """One of several."""
        return self.chance.choice(options)

    def often(self, one_in: int = 2) -> bool:
        """True once in so many."""
        return self.chance.randint(1, one_in) == 1

    def number(self, low: int, high: int) -> int:
        """A whole number."""
        return self.chance.randint(low, high)

    def probability(self) -> float:
        """0 or 1 where nothing is random."""
        return self.pick(0.2, 0.5, 0.9, 1) if self.random else self.pick(0, 1, 1)

    def time(self) -> Any:
        """A service time or another delay."""
        constant = self.pick(*ODD, *ODD, *EVEN)
        if not self.random:
            return constant
        kind = self.pick("constant", "exponential", "lognormal", "gamma", "hyperexponential")
        if kind == "constant":
            return constant
        if kind == "exponential":
            return {kind: constant, "plus": self.pick(0, "5 ms")}
        return {kind: {"mean": constant, "cv": self.pick(1.1, 2)}}


def options(b: Builder, **makers: Any) -> Mapping:
    """Each option present half the time."""
    return {name: make() for name, make in makers.items() if b.often(3)}


# --- services


def station(b: Builder, *, scaled: bool = False) -> Mapping:
    """Servers and queue."""
    made: Mapping = {"servers": b.pick(1, 1, 2, 2.5, 3, "unlimited")}
    made |= options(
        b,
        speed=lambda: b.pick(0.5, 2),
        queue=lambda: b.number(0, 4),
        order=lambda: b.pick("lifo", "priority"),
        contention=lambda: {"serial": b.pick(0, 0.1), "crosstalk": b.pick(0, 0.03)},
        waiting_cost=lambda: b.pick(0.15, 0.5),
        patience=lambda: b.pick(*SHORT_WAITS),
        drop_expired=lambda: True,
        codel=lambda: {"target": b.pick("1 ms", "70 ms"), "interval": b.pick("0.13 s", "0.9 s")},
    )
    if scaled and b.often(3) and made["servers"] != "unlimited":
        made["servers"] = b.pick(1, 2, 2.5)
        made["scaling"] = {
            "min": 1, "max": 3, "target": 0.5, "every": b.pick("1 s", "1.7 s"),
            "start_delay": b.pick(0, "0.9 s"), "scale_down_after": b.pick("2 s", "5.1 s"),
        }  # fmt: skip
    return made


def cache(b: Builder) -> Mapping:
    """A cache; where nothing is random without a memory, whose eviction draws."""
    keys = ("user", "item", "cluster", "topic") if b.with_users else ("item", "topic")
    made: Mapping = {"key": b.pick(*keys), "ttl": b.pick("0.3 s", "0.7 s", "2.35 s", "1 h")}
    makers: Mapping = {
        "sliding": lambda: True, "stale_for": lambda: b.pick("0.9 s", "5 s"), "coalesce": lambda: True,
        "timeout": lambda: b.pick(*SHORT_WAITS),
    }  # fmt: skip
    if b.targets:
        makers |= {name: lambda: b.pick(*b.targets) for name in ("read", "write", "invalidate")}
    if b.random:
        makers |= {"ttl_jitter": lambda: 0.3, "warm": lambda: 0.5, "early": lambda: b.pick("0.1 s", "0.5 s")}
    if made["key"] in ("cluster", "topic"):
        makers["similar"] = lambda: b.pick(0.3, 1)
    made |= options(b, **makers)
    if b.random and b.often():
        made |= {"of": "store", "entry_size": b.pick("1 kB", "2 kB")}
    return made


def limiter(b: Builder) -> Mapping:
    """One of the four kinds."""
    kind = b.pick("token_bucket", "gcra", "fixed_window", "sliding_window")
    key = b.pick(None, "user", "address", "item") if b.with_users else b.pick(None, "item")
    made: Mapping = {"kind": kind, "key": key}
    if kind in ("token_bucket", "gcra"):
        made |= {"rate": b.pick("2/s", "7/s", "20/s"), "burst": b.number(1, 3)}
    else:
        made |= {"limit": b.number(1, 6), "window": b.pick("0.5 s", "1 s", "1.3 s")}
    if kind != "sliding_window" and b.often():
        made["when_full"] = "wait"
        made |= options(b, max_wait=lambda: b.pick(*SHORT_WAITS))
        if kind == "fixed_window":
            made["key"] = None
    return made


def queue(b: Builder) -> Mapping:
    """A queue with the service's `handle` as consumer."""
    return {"handler": "handle"} | options(
        b,
        consumers=lambda: b.number(1, 3),
        limit=lambda: b.number(1, 5),
        when_full=lambda: b.pick("reject", "drop_oldest"),
        batch=lambda: b.number(2, 4),
        linger=lambda: b.pick("0.3 s", "0.77 s"),
        order=lambda: "priority",
    )


def service(b: Builder, name: str) -> Mapping:
    """Stations, caches, limiters, a queue, and scripts."""
    made: Mapping = {
        "stations": {"cpu": station(b, scaled=True), "disk": station(b, scaled=True), "pool": station(b)},
        "caches": {"near": cache(b)} if b.often() else {},
        "limiters": {"gate": limiter(b)} if b.often() else {},
        "queues": {"jobs": queue(b)} if b.often() else {},
    }
    b.caches[name], b.limiters[name] = list(made["caches"]), list(made["limiters"])
    if b.often():
        balancers = ("round_robin", "least_requests")
        made |= {
            "replicas": b.number(2, 3),
            "balancer": b.pick(*balancers, *(("random", "two_choices", "key") if b.random else ())),
        }
        made |= options(
            b,
            health_check=lambda: {"every": b.pick("0.5 s", "0.73 s"), "unhealthy_after": b.number(1, 2),
                                  "healthy_after": b.number(1, 2)},
            start_delay=lambda: b.pick("0.4 s", "1 s"),
            down=lambda: [b.number(0, 1)],
            replica_speed=lambda: {1: 0.5},
        )  # fmt: skip
    if name == "store" and b.random:
        made["memory"] = {
            "limit": b.pick("2 kB", "4 kB", "9 kB"),
            "eviction": b.pick("lru", "fifo", "random"),
            "clock": b.pick("1 s", "10 ms"),
        }
    made["endpoints"] = {"get": endpoint(b, name), "handle": endpoint(b, name)}
    if made["queues"] and b.often():
        made["endpoints"]["get"]["steps"].append({"publish": f"{name}.jobs"})
    return made


def endpoint(b: Builder, name: str) -> Mapping:
    """A script, perhaps in a hold."""
    held = b.often(4)
    made: Mapping = {"steps": steps(b, name, depth=2, held=held)}
    return made | ({"hold": "pool"} if held else {})


# --- scripts


def steps(b: Builder, name: str, *, depth: int, held: bool) -> list[Mapping]:
    """A few steps."""
    return [step(b, name, depth=depth, held=held) for _ in range(b.number(1, 3 if depth == 2 else 1))]


def step(b: Builder, name: str, *, depth: int, held: bool) -> Mapping:
    """One step with one of the verbs that fit here."""
    verbs = ["use", "use", "sleep", "count"]
    if b.targets:
        verbs += ["call", "call", "call", "call", "send"]
    if b.queues:
        verbs += ["publish", "publish"]
    if depth > 0:
        verbs += ["fork", "choose", "lookup", "lookup", "invalidate", "store", "pass", "pass"]
        verbs += [] if held else ["hold"]
        verbs += ["end"] if depth < 2 else []
    made = VERBS[b.pick(*verbs)](b, name, depth, held)
    if b.often(6):
        made["with_probability"] = b.probability()
    if b.often(6):
        made["unless_zombie"] = True
    return made


def handlers(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """Handlers of some failures."""
    names = [f"on_{outcome}" for outcome in FAILURES] + ["on_failure"] * 3
    if depth == 0 or b.often():
        return {b.pick(*names): "continue"} if b.often() else {}
    return {b.pick(*names): steps(b, name, depth=depth - 1, held=held)}


def use(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """Use of a station."""
    slow = [{"station": b.pick("disk", "pool"), "each": 0.2}, {"counter": "served", "reference": 50, "exponent": 0.4}]
    made: Mapping = {"use": b.pick("cpu", "cpu", "disk"), "time": b.time()}
    made |= options(b, per_message=lambda: "3.3 ms", slowed_by=lambda: [b.pick(*slow)])
    return made | handlers(b, name, depth, held)


def hold(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """A hold around steps."""
    return {"hold": "pool", "do": steps(b, name, depth=depth - 1, held=True)} | handlers(b, name, depth - 1, held)


def retries(b: Builder) -> Mapping:
    """Retries with every jitter, and a budget."""
    made: Mapping = {"attempts": b.number(2, 3), "base": b.pick(0, "20 ms", "37.7 ms"), "cap": "0.2 s"}
    made["backoff"] = b.pick("constant", "exponential")
    if b.random:
        made["jitter"] = b.pick("none", "full", "equal", "decorrelated")
    return made | options(
        b,
        on=lambda: ["timeout", "open", "unavailable", "expired"],
        budget=lambda: {"ratio": b.pick(0.1, 0.5), "reserve": b.pick(0, 0.3), "cap": b.pick(1, 3)},
    )


def breaker(b: Builder) -> Mapping:
    """A breaker that can trip within seconds."""
    return {
        "window": b.pick("3 calls", "5 calls", "1 s", "2.7 s"), "minimum_calls": b.number(1, 3),
        "failure_rate": b.pick(0.3, 0.5, 1), "open_for": b.pick("0.5 s", "1.13 s"), "half_open_calls": b.number(1, 2),
        "slow": b.pick(None, None, "33.3 ms", "0.271 s"),
    }  # fmt: skip


def call(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """A call with some of all options."""
    made: Mapping = {"call": b.pick(*b.targets)} | options(
        b,
        timeout=lambda: b.pick(*SHORT_WAITS),
        deadline=lambda: b.pick("0.2 s", "0.41 s", "1 s"),
        network=lambda: b.pick(0, "1 ms", "5.3 ms", "10 ms"),
        retries=lambda: retries(b),
        breaker=lambda: breaker(b),
        hedge=lambda: {"after": b.pick("30 ms", "77.7 ms")},
        cancel=lambda: True,
        propagate=lambda: True,
        priority=lambda: b.number(0, 3),
        on_ok=lambda: [store(b, name, 0, held)],
    )
    made.setdefault("timeout", "1.5 s")
    return made | handlers(b, name, depth, held)


def send(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """A call without a reply."""
    return {"send": b.pick(*b.targets)} | options(b, network=lambda: b.pick(0, "5.3 ms"), priority=lambda: 2)


def fork(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """Two or three branches; they never hold."""
    branches = [steps(b, name, depth=depth - 1, held=True) for _ in range(b.number(2, 3))]
    made = {"fork": branches, "join": b.pick("all", "first", 2), "cancel": b.pick(True, False)}
    return made | handlers(b, name, depth - 1, held)


def publish(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """A message to a later service."""
    return {"publish": b.pick(*b.queues)} | options(b, priority=lambda: b.number(0, 3)) | handlers(b, name, 0, held)


def near_cache(b: Builder, name: str) -> str | None:
    """A cache of this service or of a later one."""
    later = [f"{s}.{c}" for s, caches in b.caches.items() if s != name for c in caches]
    own = b.caches.get(name, [])
    return b.pick(*own, *later) if own or later else None


def lookup(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """A lookup that stores after most misses."""
    chosen = near_cache(b, name)
    if chosen is None:
        return sleep(b, name, depth, held)
    miss = steps(b, name, depth=depth - 1, held=held)
    made: Mapping = {"lookup": chosen, "on_miss": miss if b.often(4) else [*miss, {"store": chosen}]}
    return made | options(b, on_hit=lambda: [sleep(b, name, 0, held)], on_stale=lambda: [{"send": b.pick(*b.targets)}]
                          if b.targets else [])  # fmt: skip


def store(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """A store by itself."""
    chosen = near_cache(b, name)
    return sleep(b, name, depth, held) if chosen is None else {"store": chosen}


def invalidate(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """Every scope."""
    chosen = near_cache(b, name)
    if chosen is None:
        return sleep(b, name, depth, held)
    made: Mapping = {"invalidate": chosen, "scope": b.pick("key", "similar", "all")}
    if made["scope"] == "similar":
        made["share"] = b.pick(0.3, 1) if b.random else 1
    if b.random and b.often():
        made["over"] = "2 s"
    return made | options(b, soft=lambda: True)


def pass_limiter(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """The service's limiter."""
    if not b.limiters.get(name):
        return sleep(b, name, depth, held)
    return {"pass": "gate"} | handlers(b, name, depth - 1, held)


def sleep(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """A delay."""
    return {"sleep": b.time()}


def choose(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """Two branches by chance."""
    p = b.probability()
    return {"choose": [
        {"probability": p, "do": steps(b, name, depth=depth - 1, held=held)},
        {"probability": 1 - p, "do": steps(b, name, depth=depth - 1, held=held)},
    ]}  # fmt: skip


def count(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """The platform's counter."""
    return {"count": "served", "add": b.pick(1, 2.5)}


def end(b: Builder, name: str, depth: int, held: bool) -> Mapping:
    """The end of the script."""
    return {"return": None} if b.often() else {"fail": b.pick(None, *FAILURES)}


VERBS = {
    "use": use, "hold": hold, "call": call, "send": send, "fork": fork, "publish": publish, "lookup": lookup,
    "store": store, "invalidate": invalidate, "pass": pass_limiter, "sleep": sleep, "choose": choose, "count": count,
    "end": end,
}  # fmt: skip


# --- load


def sources(b: Builder, until_s: float) -> Mapping:
    """One to three sources."""
    return {f"source{i}": source(b, until_s) for i in range(b.number(1, 2))}


def source(b: Builder, until_s: float) -> Mapping:
    """Every kind of arrivals."""
    made: Mapping = {"call": f"{b.services[0]}.get", "priority": b.number(0, 3), "batch": b.pick(1, 1, 1, 3)}
    if b.random:
        made |= options(b, item=lambda: "random", **({"user": lambda: "random"} if b.with_users else {}))
    kinds = ["every", "every", "at"] + (["rate", "rate", "spikes"] if b.random else [])
    kind = b.pick(*kinds)
    if kind == "every":
        made["every"] = b.pick("0.1 s", "0.2 s", "0.237 s", "0.5113 s", "1 s")
    elif kind == "at":
        made["at"] = [f"{b.number(0, 60) * 0.1 + 1:.1f} s" for _ in range(b.number(5, 25))]
    elif kind == "rate":
        made |= {"rate": b.pick("2/s", "5/s"), "follow_demand": b.often()}
    else:
        made["spikes"] = [{"at": "1.5 s", "count": 20, "for": "3 s"}]
    return made


def users(b: Builder) -> Mapping:
    """Sessions, or a closed population; where nothing is random, closed and all of one kind."""
    first = f"{b.services[0]}.get"
    mix: Mapping = {"page": {"call": first, "weight": 1, "priority": b.number(0, 3), "views": b.probability()}}
    if b.random:
        mix["search"] = {"call": f"{b.services[-1]}.get", "weight": 0.5, "views": 0.3}
    made: Mapping = {
        "population": b.number(1, 4),
        "arrivals": b.pick("closed", "sessions") if b.random else "closed",
        "sessions": {"rate": "2/s", "types": {"reader": {"requests": b.pick(1, 3), "mix": mix}}},
        "think": b.pick("0.3 s", "0.7117 s", "1.5 s"),
    }
    if b.random:
        made["think"] = {"exponential": made["think"]}
        if made["arrivals"] == "sessions":
            made["population"] = 50
    return made | options(
        b,
        stretch=lambda: b.pick(0.5, 1),
        patience=lambda: b.pick(*SHORT_WAITS),
        retry=lambda: {"probability": b.probability(), "attempts": b.number(1, 2), "after": b.pick("0.2 s", "0.313 s")},
        leave=lambda: {"after_failure": b.probability(), "slow": "0.2 s", "after_slow": b.probability()},
    )


# --- scenario


def event(b: Builder, services: Mapping, until_s: float) -> Mapping:
    """One change of parameters."""
    name = b.pick(*services)
    chosen = services[name]
    here = f"services.{name}"
    changes: list[Mapping] = [
        {"set": {f"{here}.stations.cpu.servers": b.number(0, 3)}},
        {"set": {f"{here}.stations.disk.servers": b.pick(0, 1, 2.5)}},
        {"set": {f"{here}.stations.cpu.queue": b.number(0, 3)}},
        {"scale": {f"{here}.stations.cpu.speed": b.pick(0.3, 2)}},
        {"set": {"network": b.pick(0, "20 ms")}},
        {"set": {f"{here}.down": [b.number(0, chosen.get("replicas", 1) - 1)]}},
        {"set": {f"{here}.stations.cpu.waiting_cost": "30 %"}},
    ]
    if chosen["queues"]:
        changes.append({"set": {f"{here}.queues.jobs.consumers": b.number(0, 4)}})
    if 1 in chosen.get("replica_speed", {}):
        changes.append({"set": {f"{here}.replica_speed.1": b.pick(0.25, 3)}})
    if "of" in chosen["caches"].get("near", {}):
        changes.append({"set": {f"{here}.caches.near.entry_size": b.pick("1 kB", "2 kB", "1.5 kB")}})
    if chosen["caches"]:
        changes.append({"scale": {f"{here}.caches.near.ttl": b.pick(0.3, 3)}})
    if chosen["limiters"]:
        gate = chosen["limiters"]["gate"]
        changes.append({"set": {f"{here}.limiters.gate.window": b.pick("0.7 s", "2 s")} if "window" in gate
                        else {f"{here}.limiters.gate.rate": b.pick("3/s", "10/s")}})  # fmt: skip
        if "limit" in gate:
            changes.append({"set": {f"{here}.limiters.gate.limit": b.number(1, 8)}})
    if b.random:
        changes.append({"set": {"demand.level": b.pick(0, 0.5, 2)}})
    for index, made in enumerate(chosen["endpoints"]["get"]["steps"]):
        step_at = f"{here}.endpoints.get.steps.{index}"
        if "use" in made:
            changes.append({"scale": {f"{step_at}.time": b.pick(0.5, 2)}})
        if "call" in made:
            changes.append({"set": {f"{step_at}.timeout": "0.1 s"}})
            if "breaker" in made:
                changes.append({"set": {f"{step_at}.breaker.window": b.pick("4 calls", "2 s")}})
                changes.append({"set": {f"{step_at}.breaker.half_open_calls": b.number(1, 2)}})
    at = b.pick(f"{b.number(0, int(until_s) * 10)}e-1 s", f"{b.number(0, int(until_s))}.0137 s")
    lasts = {"for": b.pick("0.5 s", "2.0173 s", "4 s")} if b.often() else {}
    return {"at": at} | lasts | b.pick(*changes)


# --- runs


def run(seed: int, *, random: bool) -> Mapping:
    """A whole run."""
    chance = Random(seed)
    number = chance.randint(1, 4)
    names = list(NAMES[4 - number :])
    b = Builder(chance, random, chance.random() < 0.5, names)
    services: Mapping = {}
    for index in reversed(range(number)):
        name = names[index]
        services[name] = service(b, name)
        b.targets.append(f"{name}.get")
        b.queues += [f"{name}.{q}" for q in services[name]["queues"]]
    services = {name: services[name] for name in names}
    until_s = b.pick(6, 10, 15)
    platform: Mapping = {
        "name": "random", "network": b.pick(0, 0, "2.1 ms"), "services": services,
        "sources": sources(b, until_s), "counters": {"served": {"start": 10}},
        "content": {"items": 20, "clusters": 4} if random else {},
    }  # fmt: skip
    if b.with_users:
        platform["users"] = users(b)
    made: Mapping = {
        "platform": platform, "until": f"{until_s} s", "window": b.pick("1 s", "2.5 s"), "seed": b.number(1, 1000),
        "scenario": {"events": [event(b, services, until_s) for _ in range(b.pick(0, 0, 1, 2))]},
    }  # fmt: skip
    if b.often(4):
        made |= {"start": "2 s", "warmup": "2 s"}
    if random and b.often():
        made["demand"] = {**b.pick(*CURVES), "breathing": {"cv": 0.2}}
    return made


SEEDS = st.lists(st.booleans(), min_size=64, max_size=64).map(lambda bits: sum(bit << n for n, bit in enumerate(bits)))
"""Bit by bit: whole numbers hypothesis also takes from the constants of all modules that happen to be loaded."""


def deterministic_runs() -> st.SearchStrategy[Mapping]:
    """Nothing is random: the reference and the engine must agree exactly."""
    return SEEDS.map(lambda seed: run(seed, random=False))


def random_runs() -> st.SearchStrategy[Mapping]:
    """Everything may be random: sums must fit, and means must agree."""
    return SEEDS.map(lambda seed: run(seed, random=True))
