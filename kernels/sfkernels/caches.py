"""Caches: entries by key, versions by topic, memory with Redis's eviction; docs/model.md, section 5.

# c = caches, m = stores, k = topics; rows[key, column] = entries, 8 bytes each
An entry packs: expiry in ms (32 bits; all ones: never), access clock (22), version (8), listed (1), present (1). A
store keeps a list of its entries, in any order, to sample from; an entry that has gone stays listed until a
sample finds it. The sampled LRU with its pool of 16 is Redis's `evictionPoolPopulate`.
"""

import math

import numpy as np

from sfkernels.jit import hot, kernel
from sfkernels.keys import topic_of_key
from sfkernels.memory import prefetch
from sfkernels.names import (
    EVICT_FIFO,
    EVICT_RANDOM,
    KEY_ITEM,
    KEY_USER,
    LISTED_RESERVE,
    POOL,
    SCOPE_ALL,
    SCOPE_KEY,
)  # fmt: skip
from sfkernels.random import below, mix, uniform

HIT, STALE, MISS = range(3)

_PRESENT, _LISTED = np.uint64(1), np.uint64(2)
_2, _10, _32, _40 = np.uint64(2), np.uint64(10), np.uint64(32), np.uint64(40)
_BYTE, _CLOCK = np.uint64(255), np.uint64((1 << 22) - 1)
_KEY = np.uint64((1 << 40) - 1)
_NEVER = np.uint64((1 << 32) - 1)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_BELOW_EXPIRY = np.uint64((1 << 32) - 1)
_JITTER, _SPREAD, _WARM, _EARLY = np.uint64(0x6A74), np.uint64(0x7370), np.uint64(0x7761), np.uint64(0x6561)


@hot
def get_entry(caches, c, user_rows, item_rows, cluster_rows, row):
    """Entry of cache c under this key."""
    column = caches[c].column
    if caches[c].key == KEY_USER:
        return user_rows[row, column]
    if caches[c].key == KEY_ITEM:
        return item_rows[row, column]
    return cluster_rows[row, column]


@hot
def set_entry(caches, c, user_rows, item_rows, cluster_rows, row, entry):
    """Write the entry of cache c under this key."""
    column = caches[c].column
    if caches[c].key == KEY_USER:
        user_rows[row, column] = entry
    elif caches[c].key == KEY_ITEM:
        item_rows[row, column] = entry
    else:
        cluster_rows[row, column] = entry


@hot
def _expiry_ms(at):
    return np.uint64(math.ceil(min(at * 1000.0, np.float64(_NEVER))))


@hot
def _expiry(entry):
    ms = entry >> _32
    return np.inf if ms == _NEVER else np.float64(ms) / 1000.0


@kernel
def looks_ahead(caches, c, key, salt):
    """How long before an expiry who asks with these draws fetches already, s: XFetch (Vattani et al., VLDB 2015)."""
    return -caches[c].early * math.log(uniform(key, mix(salt, _EARLY)))


@hot
def _ticks(stores, m, now):
    return np.uint64(now / stores[m].clock) & _CLOCK


@hot
def _ends(caches, c, versions, population, entry, row):
    """When the entry expires, when the invalidation of its topic reaches it, and until when it may be served, s."""
    expiry = _expiry(entry)
    v = caches[c].versions + topic_of_key(population, caches[c].key, row)
    number = np.int64((entry >> _2) & _BYTE)
    current = np.int64(versions[v].number)
    if number == current:
        return expiry, np.inf, expiry + caches[c].stale_for
    if number != ((current - 1) & 255):
        return expiry, -np.inf, -np.inf
    reached = versions[v].start
    if versions[v].over > 0.0:
        reached += uniform(mix(caches[c].salt, _SPREAD), np.uint64(row)) * versions[v].over
    if versions[v].soft:
        return expiry, reached, min(expiry, reached) + caches[c].stale_for
    return expiry, reached, min(expiry + caches[c].stale_for, reached)


@kernel
def _remove(caches, c, stores, user_rows, item_rows, cluster_rows, row, entry):
    set_entry(caches, c, user_rows, item_rows, cluster_rows, row, entry & ~_PRESENT)
    caches[c].entries -= 1
    if caches[c].store >= 0:
        stores[caches[c].store].used -= caches[c].entry_size


@kernel
def _is_current(caches, c, versions, population, user_rows, item_rows, cluster_rows, row, now):
    entry = get_entry(caches, c, user_rows, item_rows, cluster_rows, row)
    if not entry & _PRESENT:
        return False
    expiry, reached, _ = _ends(caches, c, versions, population, entry, row)
    return now < min(expiry, reached)


@kernel
def _nearest(caches, c, versions, population, user_rows, item_rows, cluster_rows, row, now):
    """Row of the nearest current entry among the similar, to the right first; its own where there is none."""
    count = np.int64(population[0].clusters)
    if row == count:
        return row
    for k in range(caches[c].near):
        aside = (k + 1) // 2
        place = (row + aside if k % 2 else row - aside + count) % count
        if _is_current(caches, c, versions, population, user_rows, item_rows, cluster_rows, place, now):
            return place
    return row


@hot
def look_up(caches, c, stores, versions, population, user_rows, item_rows, cluster_rows, row, now, ahead):
    """HIT, STALE or MISS; counts, renews the access clock, removes what has expired.

    What expires within `ahead` is a miss to who asks, and stays for others.
    """
    own = row
    if caches[c].near > 1:
        row = _nearest(caches, c, versions, population, user_rows, item_rows, cluster_rows, row, now)
    entry = get_entry(caches, c, user_rows, item_rows, cluster_rows, row)
    if not entry & _PRESENT:
        caches[c].misses += 1
        return MISS
    expiry, reached, served = _ends(caches, c, versions, population, entry, row)
    if now < min(expiry, reached):
        if now + ahead >= expiry:
            caches[c].misses += 1
            return MISS
        caches[c].hits += 1
        if row != own:
            caches[c].similar += 1
        fresh = entry
        if caches[c].sliding:
            fresh = (fresh & _BELOW_EXPIRY) | (_expiry_ms(now + caches[c].ttl) << _32)
        m = caches[c].store
        if m >= 0 and stores[m].eviction != EVICT_FIFO:
            fresh = (fresh & ~(_CLOCK << _10)) | (_ticks(stores, m, now) << _10)
        if fresh != entry:
            set_entry(caches, c, user_rows, item_rows, cluster_rows, row, fresh)
        return HIT
    if now < served:
        caches[c].stale += 1
        return STALE
    caches[c].misses += 1
    if now < reached:
        caches[c].expired += 1
    else:
        caches[c].invalidated += 1
    _remove(caches, c, stores, user_rows, item_rows, cluster_rows, row, entry)
    return MISS


@hot
def _listed_at(stores, m, n):
    """Place in the list of draw n."""
    return below(stores[m].salt, n, stores[m].listed)


@hot
def _draw_listed(stores, m):
    n = stores[m].draws
    stores[m].draws = n + _ONE
    return _listed_at(stores, m, n)


@kernel
def _unlist(stores, m, listed, at):
    last = stores[m].listed - 1
    listed[stores[m].first + at] = listed[stores[m].first + last]
    stores[m].listed = last


@kernel
def _sample(caches, stores, m, listed, user_rows, item_rows, cluster_rows):
    """A present entry of the store, at random, as (cache, row, entry, ref); cache −1 if there is none."""
    while stores[m].listed > 0:
        at = _draw_listed(stores, m)
        ref = listed[stores[m].first + at]
        c = np.int64(ref >> _40)
        row = np.int64(ref & _KEY)
        entry = get_entry(caches, c, user_rows, item_rows, cluster_rows, row)
        if entry & _PRESENT:
            return c, row, entry, ref
        set_entry(caches, c, user_rows, item_rows, cluster_rows, row, entry & ~_LISTED)
        _unlist(stores, m, listed, at)
    return -1, 0, _ZERO, _ZERO


@kernel
def _fill_pool(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, now):
    """Samples go into the pool where they are idle longer than what is there; sorted, longest last."""
    clock = _ticks(stores, m, now)
    first = m * POOL
    for _ in range(stores[m].samples):
        c, row, entry, ref = _sample(caches, stores, m, listed, user_rows, item_rows, cluster_rows)
        if c < 0:
            return
        idle = np.float64((clock - ((entry >> _10) & _CLOCK)) & _CLOCK)
        n = stores[m].pooled
        known = False
        for k in range(n):
            if pool[first + k].ref == ref:
                known = True
        if known:
            continue
        if n == POOL:
            if idle <= pool[first].idle:
                continue
            for k in range(n - 1):
                pool[first + k].idle = pool[first + k + 1].idle
                pool[first + k].ref = pool[first + k + 1].ref
            n -= 1
        k = n
        while k > 0 and pool[first + k - 1].idle >= idle:
            pool[first + k].idle = pool[first + k - 1].idle
            pool[first + k].ref = pool[first + k - 1].ref
            k -= 1
        pool[first + k].idle = idle
        pool[first + k].ref = ref
        stores[m].pooled = n + 1


@kernel
def _evict_one(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, now):
    """Evict one entry; False if there is none."""
    if stores[m].eviction == EVICT_RANDOM:
        c, row, entry, _ = _sample(caches, stores, m, listed, user_rows, item_rows, cluster_rows)
        if c < 0:
            return False
        _remove(caches, c, stores, user_rows, item_rows, cluster_rows, row, entry)
        caches[c].evictions += 1
        return True
    while True:
        _fill_pool(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, now)
        if stores[m].pooled == 0:
            return False
        while stores[m].pooled > 0:
            n = stores[m].pooled - 1
            stores[m].pooled = n
            ref = pool[m * POOL + n].ref
            c = np.int64(ref >> _40)
            row = np.int64(ref & _KEY)
            entry = get_entry(caches, c, user_rows, item_rows, cluster_rows, row)
            if entry & _PRESENT:
                _remove(caches, c, stores, user_rows, item_rows, cluster_rows, row, entry)
                caches[c].evictions += 1
                return True


@kernel
def make_room(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, more, now):
    """Evict until `more` bytes fit within the limit of the store; False if they cannot."""
    while stores[m].used + stores[m].reserved + more > stores[m].limit:
        if not _evict_one(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, now):
            return False
    return True


@hot
def _put(clock, caches, c, stores, versions, population, listed, user_rows, item_rows, cluster_rows, row, expiry, now):
    entry = get_entry(caches, c, user_rows, item_rows, cluster_rows, row)
    m = caches[c].store
    if not entry & _PRESENT:
        caches[c].entries += 1
        if m >= 0:
            stores[m].used += caches[c].entry_size
            if not entry & _LISTED:
                listed[stores[m].first + stores[m].listed] = (np.uint64(c) << _40) | np.uint64(row)
                stores[m].listed += 1
                if stores[m].capacity - stores[m].listed < LISTED_RESERVE:
                    clock[0].low = 1
                entry = _LISTED
    touched = _ticks(stores, m, now) if m >= 0 else _ZERO
    number = versions[caches[c].versions + topic_of_key(population, caches[c].key, row)].number
    fresh = (_expiry_ms(expiry) << _32) | (touched << _10) | (np.uint64(number) << _2) | (entry & _LISTED) | _PRESENT
    set_entry(caches, c, user_rows, item_rows, cluster_rows, row, fresh)


@hot
def put(
    clock, caches, c, stores, versions, population, pool, listed, user_rows, item_rows, cluster_rows, row, key, salt
):
    """Write the entry of a key, now; others go first where the memory is full."""
    now = clock[0].now
    m = caches[c].store
    if m >= 0 and not get_entry(caches, c, user_rows, item_rows, cluster_rows, row) & _PRESENT:
        size = caches[c].entry_size
        if not make_room(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, size, now):
            return
    ttl = caches[c].ttl
    if caches[c].ttl_jitter > 0.0:
        ttl *= 1.0 - caches[c].ttl_jitter * uniform(key, mix(salt, _JITTER))
    caches[c].stores += 1
    _put(
        clock, caches, c, stores, versions, population, listed, user_rows, item_rows, cluster_rows, row, now + ttl, now
    )


@kernel
def _new_version(versions, v, over, soft, now):
    versions[v].number = (versions[v].number + np.uint32(1)) & np.uint32(255)
    versions[v].start = now
    versions[v].over = over
    versions[v].soft = np.uint32(soft)


@kernel
def invalidate(
    caches, c, stores, versions, population, user_rows, item_rows, cluster_rows, scope, share, over, soft, row, topic, now
):  # fmt: skip
    """Make the entry of a key, of similar topics, or all entries invalid; softly: stale."""
    if scope == SCOPE_KEY:
        entry = get_entry(caches, c, user_rows, item_rows, cluster_rows, row)
        if entry & _PRESENT and soft:
            ended = min(entry >> _32, np.uint64(now * 1000.0))
            set_entry(caches, c, user_rows, item_rows, cluster_rows, row, (entry & _BELOW_EXPIRY) | (ended << _32))
        elif entry & _PRESENT:
            _remove(caches, c, stores, user_rows, item_rows, cluster_rows, row, entry)
        return
    count = np.int64(population[0].clusters)
    first = caches[c].versions
    if scope == SCOPE_ALL:
        for k in range(count):
            _new_version(versions, first + k, over, soft, now)
        return
    near = min(count, np.int64(math.ceil(share * count - 1e-9)))
    for k in range(near):
        place = topic - (near - 1) // 2 + k
        _new_version(versions, first + (place % count + count) % count, over, soft, now)


@kernel
def _ask_ahead(caches, stores, m, listed, user_rows, item_rows, count):
    """Ask for the entries that the next draws find, as long as the list stays as long as it is."""
    first = stores[m].first
    for k in range(count):
        prefetch(listed, first + _listed_at(stores, m, stores[m].draws + np.uint64(k)))
    for k in range(count):
        ref = listed[first + _listed_at(stores, m, stores[m].draws + np.uint64(k))]
        key = caches[np.int64(ref >> _40)].key
        if key == KEY_USER:
            prefetch(user_rows, np.int64(ref & _KEY))
        elif key == KEY_ITEM:
            prefetch(item_rows, np.int64(ref & _KEY))


@kernel
def expire_some(caches, stores, m, versions, population, listed, user_rows, item_rows, cluster_rows, now):
    """Redis's active expiry: 20 at random, again while more than a tenth had expired, at most 500 rounds."""
    for _ in range(500):
        gone = 0
        if stores[m].listed > 0:
            _ask_ahead(caches, stores, m, listed, user_rows, item_rows, 20)
        for _ in range(20):
            c, row, entry, _ref = _sample(caches, stores, m, listed, user_rows, item_rows, cluster_rows)
            if c < 0:
                return
            _, _, served = _ends(caches, c, versions, population, entry, row)
            if served <= now:
                _remove(caches, c, stores, user_rows, item_rows, cluster_rows, row, entry)
                gone += 1
        if gone <= 2:
            return


@kernel
def warm_one(clock, caches, c, stores, versions, population, listed, user_rows, item_rows, cluster_rows, row, now):
    """Put a key into a cache with probability `warm`; its remaining time is uniform in (0, ttl]."""
    here = mix(caches[c].salt, _WARM)
    if uniform(here, np.uint64(2 * row)) < caches[c].warm:
        left = uniform(here, np.uint64(2 * row + 1)) * caches[c].ttl
        _put(
            clock,
            caches,
            c,
            stores,
            versions,
            population,
            listed,
            user_rows,
            item_rows,
            cluster_rows,
            row,
            now + left,
            now,
        )
