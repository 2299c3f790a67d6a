"""The record of each kind of thing. Parameters come from the plan; the rest is state.

A record is what one step touches. Units are the last word of a name; times are seconds.
"""

import numpy as np


def _record(*fields):
    return np.dtype(list(fields), align=True)


CLOCK = _record(
    ("now", "f8"), ("tick", "f8"), ("per_tick", "f8"), ("sequence", "u8"), ("bucket", "i8"), ("slot", "i8"),
    ("seed", "u8"), ("events", "i8"), ("requests", "i8"), ("still", "i8"),
    ("batch_at", "i8"), ("batch_count", "i8"), ("late_count", "i8"),
    ("node_free", "i4"), ("nodes_left", "i4"), ("task_free", "i4"), ("tasks_left", "i4"),
    ("chunk_free", "i4"), ("chunks_left", "i4"), ("message_free", "i4"), ("messages_left", "i4"),
    ("flight_free", "i4"), ("flights_left", "i4"),
    ("ready_head", "i8"), ("ready_tail", "i8"), ("span_count", "i8"), ("spans_lost", "i8"),
    ("low", "i8"), ("task_reserve", "i4"), ("node_reserve", "i4"),
    ("traced_below", "u8"), ("traced_from", "f8"),
    ("thinking", "i8"), ("retrying", "i8"), ("sessions_started", "i8"), ("sessions_ended", "i8"),
)  # fmt: skip

NODE = _record(("time", "f8"), ("order", "u8"), ("task", "i4"), ("gen", "u4"), ("next", "i4"), ("user", "u4"))

DUE = _record(("time", "f8"), ("node", "i4"))

TASK = _record(
    ("key", "u8"), ("since", "f8"), ("start", "f8"), ("arrived", "f8"), ("number", "u8"), ("attempt_start", "f8"),
    ("pc", "i4"), ("station", "i4"), ("next", "i4"), ("prev", "i4"),
    ("state", "i1"), ("todo", "i1"), ("outcome", "i1"), ("priority", "i1"), ("marks", "u1"), ("attempt", "u1"),
    ("waiter", "i1"), ("retries", "u1"), ("timed", "u1"), ("sent_as", "u1"),
    ("endpoint", "i4"), ("site", "i4"), ("parent", "i4"), ("child", "i4"), ("child_next", "i4"), ("child_prev", "i4"),
    ("gen", "u4"), ("call_gen", "u4"),
    ("replica", "i4"), ("first_station", "i4"), ("user", "u4"), ("item_id", "u4"),
    ("worst", "f4"), ("held", "f4"), ("blame", "i2"), ("held_blame", "i2"), ("fault", "i2"), ("last", "i2"),
    ("deadline", "f8"), ("call_deadline", "f8"), ("backoff", "f8"), ("network", "f8"),
    ("session", "u4"), ("turn", "u2"), ("request", "i2"), ("permit", "u4"), ("need", "i4"), ("left", "i4"),
    ("batch", "i4"), ("messages", "i4"), ("queue", "i4"), ("flight", "i4"),
    ("span", "u8"), ("parent_span", "u8"), ("trace_id", "u8"), ("queued", "f8"), ("served", "f8"),
    ("timeout", "f8"), ("timed_at", "f8"), ("timeout_order", "u8"), ("timeout_gen", "u4"), ("timed_gen", "u4"),
)  # fmt: skip

OP = _record(
    ("code", "i4"), ("a", "i4"), ("b", "i4"), ("next", "i4"), ("skip", "i4"), ("other", "i4"), ("third", "i4"),
    ("duration", "i4"), ("handlers", "i4"), ("hold", "i4"), ("slow", "i4"), ("slow_count", "i4"),
    ("probability", "f8"), ("x", "f8"), ("y", "f8"), ("salt", "u8"),
)  # fmt: skip

CHOICE = _record(("upto", "f8"), ("pc", "i4"))

DURATION = _record(
    ("a", "f8"), ("b", "f8"), ("c", "f8"), ("plus", "f8"), ("kind", "i4"), ("first", "i4"), ("count", "i4")
)

SLOWDOWN = _record(("station", "i4"), ("counter", "i4"), ("each", "f8"), ("reference", "f8"), ("exponent", "f8"))

STATION = _record(
    ("servers", "f8"), ("speed", "f8"), ("serial", "f8"), ("crosstalk", "f8"), ("waiting_cost", "f8"),
    ("limit", "i8"), ("patience", "i4"), ("service", "i4"), ("order", "i1"), ("drop_expired", "i1"), ("contended", "i1"),
    ("in_service", "i4"), ("waiting", "i4"), ("waiters", "i4"),
    ("head0", "i4"), ("head1", "i4"), ("head2", "i4"), ("head3", "i4"),
    ("tail0", "i4"), ("tail1", "i4"), ("tail2", "i4"), ("tail3", "i4"),
    ("updated", "f8"), ("busy", "f8"), ("queue", "f8"), ("burnt", "f8"), ("wait", "f8"), ("wasted", "f8"),
    ("queue_max", "i8"), ("arrivals", "i8"), ("starts", "i8"), ("ends", "i8"), ("rejected", "i8"), ("expired", "i8"),
    ("left", "i8"), ("scaler", "i4"), ("shedder", "i4"), ("level", "i4"),
    ("codel_target", "f8"), ("codel_interval", "f8"), ("codel_ends", "f8"), ("codel_least", "f8"),
    ("codel_begins", "i1"), ("codel_overload", "i1"), ("cause", "i2"), ("blame", "i2"), ("weight", "f8"),
    ("holder0", "i4"), ("holder1", "i4"), ("holder2", "i4"), ("holder3", "i4"), ("lost", "i4"), ("others_lost", "i4"),
)  # fmt: skip

SCALER = _record(
    ("station", "i4"), ("least", "f8"), ("most", "f8"), ("target", "f8"), ("every", "f8"), ("start_delay", "f8"),
    ("down_after", "f8"), ("ordered", "f8"), ("busy_before", "f8"), ("servers_total", "f8"), ("marked", "f8"),
    ("fewer_since", "f8"), ("checks", "i4"), ("first", "i4"), ("capacity", "i4"),
    ("law", "i4"), ("limit", "f8"), ("allowance", "f8"), ("tolerance", "f8"), ("smoothing", "f8"), ("weight", "f8"),
    ("samples", "i8"), ("periods", "i8"), ("warm_total", "f8"), ("long_s", "f8"), ("ends_before", "i8"),
    ("pressed_before", "f8"),
    ("queuing", "f8"), ("decrease", "f8"), ("increase", "f8"), ("wait_before", "f8"), ("starts_before", "i8"),
)  # fmt: skip

SITE = _record(
    ("timeout", "f8"), ("deadline", "f8"), ("network", "f8"), ("hedge_after", "f8"), ("salt", "u8"),
    ("endpoint", "i4"), ("breaker", "i4"), ("throttle", "i4"), ("cache", "i4"), ("priority", "i1"), ("cancel", "i1"),
    ("propagate", "i1"), ("backoff", "i1"), ("jitter", "i1"), ("budgeted", "i1"), ("attempts", "i4"), ("retry_on", "i4"),
    ("backoff_base", "f8"), ("factor", "f8"), ("cap", "f8"),
    ("budget_ratio", "f8"), ("budget_reserve", "f8"), ("budget_cap", "f8"), ("balance", "f8"), ("balance_at", "f8"),
)  # fmt: skip

# a circuit breaker; or a client's throttle, which has `k`, `on` and a window of its own
BREAKER = _record(
    ("failure_rate", "f8"), ("slow", "f8"), ("open_for", "f8"), ("window_s", "f8"), ("origin", "f8"), ("calls", "i4"),
    ("k", "f8"),
    ("minimum", "i4"), ("probes", "i4"), ("on", "i4"),
    ("state", "i4"), ("epoch", "u4"), ("opened_at", "f8"), ("at", "i4"), ("count", "i4"), ("failures", "i4"),
    ("granted", "i4"), ("ended", "i4"), ("ended_failures", "i4"), ("cause", "i4"), ("openings", "i8"),
)  # fmt: skip

ENDPOINT = _record(("service", "i4"), ("pc", "i4"), ("uses_item", "i4"))

SERVICE = _record(
    ("replica", "i4"), ("replicas", "i4"), ("balancer", "i4"), ("turn", "i8"), ("stations", "i4"),
    ("check_every", "f8"), ("unhealthy_after", "i4"), ("healthy_after", "i4"), ("start_delay", "f8"), ("salt", "u8"),
)  # fmt: skip

REPLICA = _record(
    ("service", "i4"), ("first_station", "i4"), ("stations", "i4"), ("burns", "i4"), ("down", "i4"), ("up", "i4"),
    ("healthy", "i4"), ("streak", "i4"), ("tasks", "i4"), ("waiters", "i4"), ("gen", "u4"),
    ("cause", "i4"),
)  # fmt: skip

CACHE = _record(
    ("ttl", "f8"), ("ttl_jitter", "f8"), ("stale_for", "f8"), ("entry_size", "f8"), ("warm", "f8"), ("salt", "u8"),
    ("key", "i4"), ("column", "i4"), ("store", "i4"), ("sliding", "i4"), ("coalesce", "i4"), ("versions", "i4"),
    ("entries", "i8"), ("hits", "i8"), ("misses", "i8"), ("stale", "i8"), ("expired", "i8"), ("invalidated", "i8"),
    ("coalesced", "i8"), ("stores", "i8"), ("evictions", "i8"), ("early", "f8"), ("near", "i8"), ("similar", "i8"),
)  # fmt: skip

VERSION = _record(("start", "f8"), ("over", "f8"), ("number", "u4"), ("soft", "u4"))

STORE = _record(
    ("limit", "f8"), ("reserved", "f8"), ("used", "f8"), ("clock", "f8"), ("salt", "u8"), ("draws", "u8"),
    ("eviction", "i4"), ("samples", "i4"), ("listed", "i8"), ("first", "i8"), ("capacity", "i8"), ("pooled", "i4"),
)  # fmt: skip

POOLED = _record(("idle", "f8"), ("ref", "u8"))

FLIGHT = _record(("ref", "u8"), ("leader", "i4"), ("head", "i4"), ("tail", "i4"), ("next", "i4"), ("next_led", "i4"))

LIMITER = _record(
    ("interval", "f8"), ("tolerance", "f8"), ("limit", "f8"), ("window", "f8"), ("origin", "f8"), ("max_wait", "f8"),
    ("kind", "i4"), ("key", "i4"), ("column", "i4"), ("waits", "i4"),
    ("at", "f8"), ("index", "i8"), ("count", "f8"), ("previous", "f8"),
    ("passed", "i8"), ("refused", "i8"), ("wait", "f8"), ("cause", "i4"),
)  # fmt: skip

QUEUE = _record(
    ("handler", "i4"), ("consumers", "i4"), ("batch", "i4"), ("priority", "i4"), ("drop_oldest", "i4"),
    ("limit", "i8"), ("linger", "f8"), ("salt", "u8"),
    ("head0", "i4"), ("head1", "i4"), ("head2", "i4"), ("head3", "i4"),
    ("tail0", "i4"), ("tail1", "i4"), ("tail2", "i4"), ("tail3", "i4"),
    ("waiting", "i8"), ("busy", "i4"), ("timer", "u4"), ("due", "f8"), ("number", "u8"),
    ("updated", "f8"), ("length", "f8"), ("length_max", "i8"), ("published", "i8"), ("delivered", "i8"), ("failed", "i8"),
    ("dropped", "i8"), ("rejected", "i8"), ("batches", "i8"), ("delay", "f8"),
    ("cause", "i4"),
)  # fmt: skip

MESSAGE = _record(
    ("published", "f8"), ("number", "i8"), ("user", "u4"), ("item_id", "u4"), ("next", "i4"), ("priority", "i4")
)

SOURCE = _record(
    ("kind", "i4"), ("endpoint", "i4"), ("priority", "i4"), ("user", "i4"), ("item_id", "i4"), ("batch", "i4"),
    ("every", "f8"), ("first", "i8"), ("count", "i8"), ("at", "i8"), ("number", "u8"), ("target", "f8"), ("salt", "u8"),
)  # fmt: skip

KNOT = _record(("time", "f8"), ("total", "f8"), ("pace", "f8"))

POPULATION = _record(
    ("count", "u8"), ("items", "u8"), ("clusters", "u8"), ("skew", "f8"), ("zipf", "f8"), ("zipf_total", "f8"),
    ("zipf_first", "f8"), ("zipf_shift", "f8"), ("closed", "i4"), ("think", "i4"), ("after", "i4"), ("patience", "i4"),
    ("attempts", "i4"), ("address_size", "i4"), ("types_count", "i4"), ("stretch", "f8"), ("retry", "f8"),
    ("leave_failure", "f8"), ("slow", "f8"), ("leave_slow", "f8"), ("address_share", "f8"), ("salt", "u8"),
)  # fmt: skip

SESSION_TYPE = _record(("upto", "f8"), ("requests", "f8"), ("first", "i4"), ("count", "i4"))

REQUEST = _record(("upto", "f8"), ("views", "f8"), ("endpoint", "i4"), ("priority", "i4"))

SLEEPER = _record(("time", "f8"), ("session", "u4"), ("turn", "u2"), ("retries", "u1"), ("why", "u1"))

SPAN = _record(
    ("trace_id", "u8"), ("span", "u8"), ("parent", "u8"), ("start", "f8"), ("arrived", "f8"), ("ended", "f8"),
    ("queued", "f8"), ("served", "f8"), ("endpoint", "i4"), ("call", "i4"), ("replica", "i4"), ("user", "u4"), ("item_id", "u4"),
    ("outcome", "i1"), ("attempt", "u1"), ("zombie", "i1"), ("cause", "i2"),
)  # fmt: skip

ENDPOINT_METER = _record(("arrivals", "i8"), ("in_flight", "i8"), ("wasted", "i8"), ("time", "f8"), ("time_ok", "f8"))

CAUSE_METER = _record(("failed", "i8"), ("time", "f8"))

CALL_METER = _record(
    ("attempts", "i8"), ("retries", "i8"), ("hedges", "i8"), ("timeouts", "i8"), ("open", "i8"), ("time", "f8")
)

REQUEST_METER = _record(
    ("requests", "i8"), ("retries", "i8"), ("abandoned", "i8"), ("given_up", "i8"), ("views", "i8"), ("views_lost", "i8"),
    ("time", "f8"),
)  # fmt: skip
