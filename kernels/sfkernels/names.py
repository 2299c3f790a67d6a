"""Numbers that kernels and plan share: outcomes, states, operations, kinds."""

# outcomes of a task
OK, TIMEOUT, REJECTED, THROTTLED, OPEN, UNAVAILABLE, ERROR, EXPIRED, CANCELLED = range(9)
OUTCOMES = ("ok", "timeout", "rejected", "throttled", "open", "unavailable", "error", "expired", "cancelled")

CALLER, NETWORK = 0, 1
"""Causes that every platform has: that who asked had given up, and the network."""

# where a task is
(FREE, READY, TRAVELLING, QUEUED, SERVED, CALLING, BACKING_OFF, SLEEPING, LIMITED, COALESCED, FORKED, REPLYING) = range(
    12
)

# what a ready task does next
ARRIVE, STEP, REPLY, FAILED, ENDING, RETRY = range(6)

# flags of a task
ZOMBIE, TRACED, BRANCH, USER, HANDLER, CUT_SHORT, OUTSIDE = 1, 2, 4, 8, 16, 32, 64
INHERITED = ZOMBIE | TRACED
"""Flags that a called task or a branch has from its caller."""

# operations of a script
(
    OP_USE, OP_HOLD, OP_RELEASE, OP_CALL, OP_SEND, OP_FORK, OP_BROADCAST, OP_PUBLISH, OP_LOOKUP, OP_MISS, OP_STORE,
    OP_INVALIDATE, OP_PASS, OP_SLEEP, OP_CHOOSE, OP_COUNT, OP_JUMP, OP_AWAITED, OP_RETURN, OP_FAIL,
) = range(20)  # fmt: skip

# classes of events, in their order at the same time
CLASS_CHANGE, CLASS_TASK, CLASS_TIMER, CLASS_SOURCE, CLASS_USER, CLASS_HOUSE = range(6)
CLASS_SHIFT = 56
"""Bits of an event's order below its class."""

# kinds of events within a class
TIMER_ATTEMPT, TIMER_HEDGE, TIMER_PATIENCE, TIMER_LINGER = range(4)
HOUSE_HEALTH, HOUSE_SCALE, HOUSE_EXPIRY, HOUSE_SERVERS, HOUSE_UP = range(5)

# distributions
CONSTANT, EXPONENTIAL, LOGNORMAL, GAMMA, HYPEREXPONENTIAL, EMPIRICAL = range(6)

# orders of a station
FIFO, LIFO, PRIORITY = range(3)
LEVELS = 4
"""Levels of priority."""

LAW_UTILISATION, LAW_GRADIENT, LAW_SHEDDING = range(3)
"""What a scaler does at its check."""
USER_GROUPS = 128
"""Levels of admission within a priority."""

# backoff and jitter
BACKOFF_CONSTANT, BACKOFF_EXPONENTIAL = range(2)
JITTER_NONE, JITTER_FULL, JITTER_EQUAL, JITTER_DECORRELATED = range(4)

# breaker states
CLOSED, OPENED, HALF_OPEN = range(3)

# balancers
ROUND_ROBIN, RANDOM, LEAST_REQUESTS, TWO_CHOICES, BY_KEY = range(5)

# keys
KEY_NONE, KEY_USER, KEY_ITEM, KEY_CLUSTER, KEY_TOPIC, KEY_ADDRESS = range(6)

# scopes of an invalidation
SCOPE_KEY, SCOPE_SIMILAR, SCOPE_ALL = range(3)

# evictions
EVICT_LRU, EVICT_FIFO, EVICT_RANDOM = range(3)

# limiters
BUCKET, FIXED_WINDOW, SLIDING_WINDOW = range(3)

# sources
SOURCE_POISSON, SOURCE_EVERY, SOURCE_TIMES, SOURCE_SESSIONS = range(4)

# what `run` returns beside an outcome
WAITS, PUBLISHED = -1, 16
"""The task waits; or 16 + a queue that has a new message."""

# why `advance` returned
DONE, GROW = range(2)

LATENCY_FIRST_S = 1e-4
LATENCY_RATIO = 1.04
LATENCY_BINS = 388

NB = 4096
"""Buckets of the fine calendar."""
NC = 4096
"""Rotations of the fine calendar that the coarse one holds."""
NS = 8192
"""Slots of the sleepers' wheel."""
SLOT_S = 0.125
"""Width of a slot of the sleepers' wheel."""
CHUNK = 64
"""Sleepers in a chunk."""
POOL = 16
"""Size of Redis's eviction pool."""
FLIGHT_BUCKETS = 4096
"""Hash buckets of misses under way."""

STILL = 10_000_000
"""Requests of closed users in a row that take no time, thinking included: then time stands still."""

CHUNK_RESERVE, MESSAGE_RESERVE, FLIGHT_RESERVE, LISTED_RESERVE = 64, 1024, 64, 1024
"""Free places from which on a pool grows before the next task or event."""
