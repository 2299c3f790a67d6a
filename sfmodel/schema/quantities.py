"""Numbers with units: what a user writes ('5 ms', '500/min', '15 %') becomes a float in base units.

Base units are seconds, bytes, events per second, US dollars and plain shares.
A bare number is refused where a unit is needed, except zero.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Annotated, Any

import pint
from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = """
nano- = 1e-9 = n-
micro- = 1e-6 = µ- = μ- = u-
milli- = 1e-3 = m-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
peta- = 1e15 = P-
kibi- = 2**10 = Ki-
mebi- = 2**20 = Mi-
gibi- = 2**30 = Gi-
tebi- = 2**40 = Ti-

second = [time] = s = sec
minute = 60 * second = min
hour = 60 * minute = h = hr
day = 24 * hour = d
week = 7 * day
year = 365.25 * day

hertz = 1 / second = Hz
rps = 1 / second = qps
rpm = 1 / minute

bit = [information]
byte = 8 * bit = B = octet

USD = [money] = usd = dollar

percent = 0.01 = %
ppm = 1e-6
thing = [] = req = request = event = call = message = item = user = session = video

meter = [length] = m = metre
molar = [concentration] = M
radian = [angle] = rad
degree = radian / 57.29577951308232 = deg
turn = 6.283185307179586 * radian = revolution
"""
"""The units that can be written, in pint's language; the last ones to say what is wrong with them."""

_registry: pint.UnitRegistry = pint.UnitRegistry(_UNITS.splitlines())

_SUFFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}
_CLOCK = re.compile(r"^(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?$")


MOST = 2**32 - 1
"""Users, or items, at most: each has a number of 32 bits, and one is kept for nobody."""


LONGEST_S = 1e10
"""Longest duration: what is longer never ends, and is better said so."""


class InBaseUnits(float):
    """A number that is in base units already, such as a parsed value that a scenario has scaled."""


@lru_cache(maxsize=8192)
def _in_units(text: str, unit: str) -> float:
    quantity = _registry.Quantity(text)
    if any(base == "radian" for base, _ in quantity.to_root_units().unit_items()):
        raise pint.DimensionalityError("an angle", unit)
    return float(quantity.to(unit).magnitude)


def _convert(value: Any, unit: str, what: str, example: str) -> float:
    if isinstance(value, InBaseUnits):
        return float(value)
    if isinstance(value, bool) or value is None:
        raise ValueError(f"expected {what} such as '{example}', found {'nothing' if value is None else value}")
    if isinstance(value, int | float):
        if value == 0 or unit in ("dimensionless", "USD"):
            return float(value)
        if math.isinf(value) or math.isnan(value):
            raise ValueError(f"expected {what} such as '{example}', found {value!r}")
        raise ValueError(f"expected {what} with its unit, such as '{example}', found the bare number {value!r}")
    text = str(value).strip()
    try:
        return _in_units(text, unit)
    except pint.DimensionalityError as error:
        units = str(error.units1)
        found = "which has no unit" if units == "dimensionless" else f"which is in {units}"
        found += "; minutes are 'min'" if unit == "second" and units in ("meter", "molar") else ""
        raise ValueError(f"expected {what} such as '{example}', found '{text}', {found}") from None
    except Exception:
        raise ValueError(f"expected {what} such as '{example}', found '{text}'") from None


def to_duration_s(value: Any, example: str = "5 ms") -> float:
    """Seconds from '5 ms', '2 h', or 0; the example is named where it is none."""
    seconds = _convert(value, "second", "a duration", example)
    if not (seconds >= 0 and math.isfinite(seconds)):
        raise ValueError(f"expected a duration that is not negative, found '{value}'")
    if seconds > LONGEST_S:
        raise ValueError(f"expected a duration of at most {LONGEST_S:g} s, some 300 years, found '{value}'")
    return seconds


def to_rate_per_s(value: Any) -> float:
    """Events per second from '500/min' or '1500 requests/s'."""
    rate = _convert(value, "1/second", "a rate", "500/min")
    if not (rate >= 0 and math.isfinite(rate)):
        raise ValueError(f"expected a rate that is not negative, found '{value}'")
    return rate


def to_bytes(value: Any) -> float:
    """Bytes from '8 kB' or '24 GB'."""
    size = _convert(value, "byte", "a size", "24 GB")
    if not (size >= 0 and math.isfinite(size)):
        raise ValueError(f"expected a size that is not negative, found '{value}'")
    return size


def to_share(value: Any) -> float:
    """A share in [0, 1] from '15 %' or 0.15."""
    share = _convert(value, "dimensionless", "a share", "15 %")
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share between 0 and 1 (or '0 %' and '100 %'), found '{value}'")
    return share


def to_factor(value: Any) -> float:
    """A number ≥ 0 without unit, from 1.5 or '150 %'."""
    factor = _convert(value, "dimensionless", "a factor", "1.5")
    if not (factor >= 0 and math.isfinite(factor)):
        raise ValueError(f"expected a factor that is not negative, found '{value}'")
    return factor


def to_amount(value: Any) -> float:
    """A finite amount for a counter: a number, or dollars."""
    if isinstance(value, str) and re.search(r"[a-zA-Z$]", value):
        return _convert(value.replace("$", ""), "USD", "an amount", "0.002 USD")
    amount = _convert(value, "dimensionless", "an amount", "1")
    if not math.isfinite(amount):
        raise ValueError(f"expected a finite amount, found '{value}'")
    return amount


def to_count(value: Any) -> int:
    """A whole number ≥ 0 from 1000, '10 k' or '50 M'."""
    number: float
    if isinstance(value, bool):
        raise ValueError(f"expected a whole number such as 1000 or '50 M', found {value!r}")
    if isinstance(value, int | float):
        number = float(value)
    else:
        match = re.fullmatch(r"([-+]?[\d._]+(?:[eE][-+]?\d+)?)\s*([kKMGB])?", str(value).strip())
        if not match:
            raise ValueError(f"expected a whole number such as 1000 or '50 M', found '{value}'")
        try:
            number = float(match[1].replace("_", "")) * _SUFFIXES.get(match[2] or "", 1)
        except ValueError:
            raise ValueError(f"expected a whole number such as 1000 or '50 M', found '{value}'") from None
    if number < 0 or number != math.floor(number) or math.isinf(number):
        raise ValueError(f"expected a whole number that is not negative, found '{value}'")
    return int(number)


def to_clock_s(value: Any) -> float:
    """Seconds since midnight of day 1 from '15:30', '24:00', '26h' or '15:30:10'."""
    if isinstance(value, str):
        match = _CLOCK.match(value.strip())
        if match:
            return int(match[1]) * 3600.0 + int(match[2]) * 60.0 + float(match[3] or 0)
    elif isinstance(value, int) and value != 0:
        raise ValueError(
            f"expected a time of day such as '15:30' or '24h', found the bare number {value}; "
            "in YAML put quotes around times, since it reads 15:30 as 930"
        )
    try:
        return to_duration_s(value)
    except ValueError:
        found = "nothing" if value is None else f"'{value}'"
        raise ValueError(f"expected a time of day such as '15:30' or '24h', found {found}") from None


def _written(example: str, description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "number"], "examples": [example], "description": description})


Duration = Annotated[float, BeforeValidator(to_duration_s), _written("5 ms", "a duration with its unit")]
Rate = Annotated[float, BeforeValidator(to_rate_per_s), _written("500/min", "a rate with its unit")]
Bytes = Annotated[float, BeforeValidator(to_bytes), _written("24 GB", "a size with its unit")]
Share = Annotated[float, BeforeValidator(to_share), _written("15 %", "a share, 0 to 1")]
Factor = Annotated[float, BeforeValidator(to_factor), _written("1.5", "a factor, not negative")]
Amount = Annotated[float, BeforeValidator(to_amount), _written("0.002 USD", "an amount")]
LongCount = Annotated[int, BeforeValidator(to_count), _written("50 M", "a whole number")]
Count = Annotated[LongCount, Field(le=2**31 - 1)]
Clock = Annotated[float, BeforeValidator(to_clock_s), _written("15:30", "a time of day, quoted")]
Priority = Annotated[int, Field(ge=0, le=3)]
