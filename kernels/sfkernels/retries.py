"""Retries of a call: whether, and after how long; docs/model.md, section 4."""

import numpy as np

from sfkernels.jit import kernel
from sfkernels.names import BACKOFF_EXPONENTIAL, JITTER_DECORRELATED, JITTER_EQUAL, JITTER_FULL
from sfkernels.random import mix, uniform

_JITTER = np.uint64(0x6A69)


@kernel
def delay(site, retry, previous, key):
    """Backoff before retry 1, 2, …, in seconds; `previous` is the delay before the last one (base at first)."""
    back = site.backoff_base
    if site.jitter == JITTER_DECORRELATED:
        u = uniform(mix(key, site.salt), mix(_JITTER, np.uint64(retry)))
        return min(site.cap, site.backoff_base + u * (3.0 * previous - site.backoff_base))
    if site.backoff == BACKOFF_EXPONENTIAL:
        back = min(site.cap, site.backoff_base * site.factor ** (retry - 1))
    if site.jitter == JITTER_FULL:
        return back * uniform(mix(key, site.salt), mix(_JITTER, np.uint64(retry)))
    if site.jitter == JITTER_EQUAL:
        return 0.5 * back + 0.5 * back * uniform(mix(key, site.salt), mix(_JITTER, np.uint64(retry)))
    return back


@kernel
def earn(sites, k, now):
    """A first attempt raises the balance of its site's budget."""
    grown = sites[k].balance + (now - sites[k].balance_at) * sites[k].budget_reserve
    sites[k].balance_at = now
    sites[k].balance = min(sites[k].budget_cap, min(sites[k].budget_cap, grown) + sites[k].budget_ratio)


@kernel
def spend(sites, k, now):
    """Take one retry from the budget; False if the balance is below 1."""
    grown = min(sites[k].budget_cap, sites[k].balance + (now - sites[k].balance_at) * sites[k].budget_reserve)
    sites[k].balance_at = now
    sites[k].balance = grown
    if grown < 1.0:
        return False
    sites[k].balance = grown - 1.0
    return True
