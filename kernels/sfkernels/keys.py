"""Keys of caches and limiters: which row belongs to a task; tastes, topics, addresses."""

import math

import numpy as np

from sfkernels.jit import hot, kernel
from sfkernels.names import KEY_CLUSTER, KEY_ITEM, KEY_USER
from sfkernels.random import mix, uniform

_TASTE, _TOPIC, _ADDRESS, _USER, _ITEM = (
    np.uint64(0x7461), np.uint64(0x746F), np.uint64(0x6164), np.uint64(0x7573), np.uint64(0x6974),
)  # fmt: skip


NOBODY = np.uint32(0xFFFFFFFF)
"""No user, or no item: all such tasks share one key, and its topic is 0."""


@hot
def taste(population, user):
    """Taste cluster of a user."""
    if user == NOBODY:
        return np.int64(0)
    return np.int64(mix(mix(population[0].salt, _TASTE), np.uint64(user)) % population[0].clusters)


@hot
def topic(population, item):
    """Topic cluster of an item."""
    if item == NOBODY:
        return np.int64(0)
    return np.int64(mix(mix(population[0].salt, _TOPIC), np.uint64(item)) % population[0].clusters)


@hot
def address(population, user):
    """Address of a user: their own number, or the first of their block where the block shares one."""
    size = population[0].address_size
    if user == NOBODY:
        return np.int64(population[0].count)
    if population[0].address_share <= 0.0:
        return np.int64(user)
    block = np.int64(user) // size
    if uniform(mix(population[0].salt, _ADDRESS), np.uint64(block)) < population[0].address_share:
        return block * size
    return np.int64(user)


@hot
def key_of(population, kind, user, item):
    """Row of the key of this kind."""
    if kind == KEY_USER:
        return np.int64(population[0].count) if user == NOBODY else np.int64(user)
    if kind == KEY_ITEM:
        return np.int64(population[0].items) if item == NOBODY else np.int64(item)
    nobody = user == NOBODY if kind == KEY_CLUSTER else item == NOBODY
    if nobody:
        return np.int64(population[0].clusters)
    return taste(population, user) if kind == KEY_CLUSTER else topic(population, item)


@hot
def topic_of_key(population, kind, row):
    """Topic that an entry under this key is about."""
    if kind == KEY_USER:
        return taste(population, NOBODY if row == np.int64(population[0].count) else np.uint32(row))
    if kind == KEY_ITEM:
        return topic(population, NOBODY if row == np.int64(population[0].items) else np.uint32(row))
    return 0 if row == np.int64(population[0].clusters) else row


@hot
def draw_user(population, key):
    """A user, by activity: ⌊N·U^skew⌋."""
    u = uniform(key, _USER)
    if population[0].skew != 1.0:
        u = u ** population[0].skew
    return np.uint32(u * np.float64(population[0].count))


@hot
def session_key(population, session):
    """Key of a session's draws."""
    return mix(population[0].salt, np.uint64(session))


@hot
def user_of(population, session):
    """User of a session."""
    if population[0].closed:
        return np.uint32(np.uint64(session) % population[0].count)
    return draw_user(population, session_key(population, session))


@kernel
def _helper_h(x, q):
    """Integral of x^-q from 1 (log for q = 1)."""
    log_x = math.log(x)
    t = (1.0 - q) * log_x
    if abs(t) > 1e-8:
        return math.expm1(t) / t * log_x
    return (1.0 + t * 0.5 * (1.0 + t / 3.0)) * log_x


@kernel
def _helper_h_inverse(x, q):
    t = max(-1.0, x * (1.0 - q))
    if abs(t) > 1e-8:
        return math.exp(math.log1p(t) / t * x)
    return math.exp((1.0 - t * (0.5 - t / 3.0)) * x)


@kernel
def draw_item(population, key):
    """An item by Zipf's law: rank 0 is the most popular (rejection-inversion, Hörmann and Derflinger 1996)."""
    n = population[0].items
    q = population[0].zipf
    if q == 0.0 or n == np.uint64(1):
        return np.uint32(uniform(key, _ITEM) * np.float64(n))
    here = mix(key, _ITEM)
    total = population[0].zipf_total
    first = population[0].zipf_first
    count = np.uint64(0)
    while True:
        u = total + uniform(here, count) * (first - total)
        count += np.uint64(1)
        x = _helper_h_inverse(u, q)
        k = min(max(math.floor(x + 0.5), 1.0), np.float64(n))
        if k - x <= population[0].zipf_shift or u >= _helper_h(k + 0.5, q) - math.exp(-q * math.log(k)):
            return np.uint32(k - 1.0)


def zipf_constants(n, q):
    """(total, first, shift) of rejection-inversion for n items and exponent q."""
    h = getattr(_helper_h, "py_func", _helper_h)
    inverse = getattr(_helper_h_inverse, "py_func", _helper_h_inverse)
    return h(n + 0.5, q), h(1.5, q) - 1.0, 2.0 - inverse(h(2.5, q) - 2.0**-q, q)
