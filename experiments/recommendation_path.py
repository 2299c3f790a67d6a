"""The recommendation path of StreamFlow alone: the same rates, waits and failures at a tenth of the cost.

An evening of all classes of requests costs minutes, and a calibration needs hundreds of evenings. Nearly all requests
never meet the engine. So this turns the composed configuration into one in which

- sessions that ask for recommendations stay as they are; their other requests answer after 35 ms;
- sessions that do not are thinned by eight and ask only for what touches the profile and the vector database, at the
  same rates (the other requests answer after 35 ms), so that these databases breathe with the demand as they do;
- the key store of auth, which now sees fewer requests, is as much more contended for;
- behaviour and reviews come from sources; campaigns, the dashboard and messages are left out.

The users may be fewer too, but not so few that many come back while their list is still cached: of 500 thousand so many
do at peak that a twentieth of the misses is missing, and with them half of the failures; of 10 million none. Rows of the
content database, the cache's memory, analytics, notifications and shared addresses need the whole platform.
"""

from __future__ import annotations

import copy
from typing import Any

from sfmodel.schema.quantities import to_rate_per_s, to_share

THINNED = 8
ANSWER = "35 ms"
KEPT = {
    "history": "profile.history",
    "settings": "profile.settings",
    "preferences": "profile.preferences",
    "home": "profile.home",
    "similar": "vectordb.similar",
    "search": "vectordb.search",
}


def recommendation_path(config: dict[str, Any]) -> dict[str, Any]:
    """Reduce a composed configuration of StreamFlow to its recommendation path."""
    config = copy.deepcopy(config)
    platform = config["platform"]
    services, users = platform["services"], platform["users"]
    types = users["sessions"]["types"]
    start_rate = to_rate_per_s(users["sessions"]["rate"])
    rates = {name: _rates(type_, start_rate) for name, type_ in types.items()}

    services["gateway"]["endpoints"]["other"] = {"steps": [{"sleep": ANSWER}]}
    services["profile"]["endpoints"]["home"] = {"steps": [{**_profile_query(services), "with_probability": 0.85}]}
    services["profile"]["endpoints"]["behaviour_batch"] = {"steps": [{"use": "database", "time": "240 ms"}]}
    _slow_keys(services, rates)
    recommend = services["engine"]["endpoints"]["recommend"]
    recommend["steps"] = [step for step in recommend["steps"] if not {"publish", "send"} & set(step)]

    semantic = to_share(services["content"]["endpoints"]["search"]["steps"][0]["choose"][1]["probability"])
    reduced = {name: _reduced(type_, semantic) for name, type_ in types.items()}
    together = sum(type_["share"] for type_ in reduced.values())
    for type_ in reduced.values():
        type_["share"] /= together
    users["sessions"] = {"rate": f"{start_rate * together}/s", "types": reduced}
    platform["sources"] = _sources(platform["sources"], rates)
    return config


def _rates(type_: dict[str, Any], start_rate: float) -> dict[str, float]:
    """Requests of each class per second of normal hours."""
    total = sum(entry["weight"] for entry in type_["mix"].values())
    requests = start_rate * to_share(type_["share"]) * type_["requests"]
    return {name: requests * entry["weight"] / total for name, entry in type_["mix"].items()}


def _profile_query(services: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(services["profile"]["endpoints"]["get"]["steps"][0]["on_miss"][0])


def _slow_keys(services: dict[str, Any], rates: dict[str, dict[str, float]]) -> None:
    every = sum(sum(of_type.values()) for of_type in rates.values())
    left = rates["discover"]["recommendations"] + rates["discover"]["explanation"]
    law = services["auth"]["stations"]["workers"]["contention"]
    law["serial"] = float(law["serial"]) * every / left


def _reduced(type_: dict[str, Any], semantic: float) -> dict[str, Any]:
    mix = type_["mix"]
    if "recommendations" in mix:
        kept = ("recommendations", "explanation")
        return {**type_, "mix": {k: v if k in kept else {**v, "call": "gateway.other"} for k, v in mix.items()}}
    total = sum(entry["weight"] for entry in mix.values())
    shares = {
        k: THINNED * v["weight"] / total * (semantic if k == "search" else 1) for k, v in mix.items() if k in KEPT
    }
    thinned = {k: {"call": KEPT[k], "weight": share} for k, share in shares.items()}
    rest = {"call": "gateway.other", "weight": 1 - sum(shares.values())}
    return {
        "share": to_share(type_["share"]) / THINNED,
        "requests": type_["requests"],
        "mix": {**thinned, "rest": rest},
    }


def _sources(sources: dict[str, Any], rates: dict[str, dict[str, float]]) -> dict[str, Any]:
    def total(name: str) -> float:
        return sum(of_type.get(name, 0.0) for of_type in rates.values())

    tracked = total("play") + 0.3 * total("event")
    following = {"follow_demand": True, "user": "random", "item": "random"}
    kept = {name: source for name, source in sources.items() if name not in ("campaigns", "dashboard")}
    kept["behaviour"] = {"call": "profile.behaviour_batch", "rate": f"{tracked / 500}/s", **following}
    kept["reviews"] = {"call": "llm.analyze", "rate": f"{total('review')}/s", **following}
    return kept
