"""Draws of durations: constant, exponential, lognormal, gamma, hyperexponential, empirical.

# d = durations, v = recorded values
Each takes one uniform number through its quantile function, except gamma, which rejects
(Marsaglia and Tsang 2000) with numbered draws.
"""

import math

import numpy as np

from sfkernels.jit import hot, kernel
from sfkernels.names import CONSTANT, EXPONENTIAL, GAMMA, HYPEREXPONENTIAL, LOGNORMAL
from sfkernels.random import mix, uniform


@hot
def normal_quantile(p):
    """Quantile of the standard normal, relative error 1e-16 (Wichura 1988, AS 241, PPND16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return (
            q
            * (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                 + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
                 + 133.14166789178437745) * r + 3.387132872796366608)
            / (((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                 + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
                 + 42.313330701600911252) * r + 1.0)
        )  # fmt: skip
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    if r <= 5.0:
        r -= 1.6
        x = (
            (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
               + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
               + 4.6303378461565452959) * r + 1.42343711074968357734)
            / (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
               + 0.14810397642748007459) * r + 0.68976733498510000455) * r + 1.6763848301838038494) * r
               + 2.05319162663775882187) * r + 1.0)
        )  # fmt: skip
    else:
        r -= 5.0
        x = (
            (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
               + 0.026532189526576123093) * r + 0.29656057182850489123) * r + 1.7848265399172913358) * r
               + 5.4637849111641143699) * r + 6.6579046435011037772)
            / (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
               + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
               + 0.59983220655588793769) * r + 1.0)
        )  # fmt: skip
    return -x if q < 0 else x


@kernel
def gamma_draw(shape, scale, key, salt):
    """Gamma variate by Marsaglia and Tsang's rejection, with the boost for shape < 1."""
    boost = 1.0
    k = shape
    here = mix(key, salt)
    if k < 1.0:
        boost = uniform(here, np.uint64(0)) ** (1.0 / k)
        k += 1.0
    d = k - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    n = np.uint64(1)
    while True:
        x = normal_quantile(uniform(here, n))
        v = 1.0 + c * x
        u = uniform(here, n + np.uint64(1))
        n += np.uint64(2)
        if v > 0.0:
            v = v * v * v
            if math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v * scale * boost


@hot
def _drawn(durations, values, d, key, salt):
    r = durations[d]
    kind = r.kind
    if kind == GAMMA:
        return gamma_draw(r.a, r.b, key, salt) + r.plus
    u = uniform(key, salt)
    if kind == LOGNORMAL:
        return math.exp(r.a + r.b * normal_quantile(u)) + r.plus
    if kind == HYPEREXPONENTIAL:
        if u < r.a:
            return -math.log(u / r.a) * r.b + r.plus
        return -math.log((u - r.a) / (1.0 - r.a)) * r.c + r.plus
    return values[r.first + np.int64(u * r.count)] * r.a + r.plus


@hot
def draw(durations, values, d, key, salt):
    """Draw of duration d for (key, salt), in seconds. Reads durations, values."""
    kind = durations[d].kind
    if kind == CONSTANT:
        return durations[d].a + durations[d].plus
    if kind == EXPONENTIAL:
        return -math.log(uniform(key, salt)) * durations[d].a + durations[d].plus
    return _drawn(durations, values, d, key, salt)
