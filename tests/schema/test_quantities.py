"""Numbers with units, as those write them who run platforms."""

import pytest

from sfmodel.schema.quantities import to_duration_s, to_rate_per_s, to_share


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("500/min", 500 / 60),
        ("1500 requests/s", 1500),
        ("300 req/s", 300),
        ("300 rps", 300),  # requests, not revolutions
        ("300 qps", 300),
        ("300 rpm", 5),
        ("5 Hz", 5),
    ],
)
def test_rates(written, expected):
    assert to_rate_per_s(written) == pytest.approx(expected)


@pytest.mark.parametrize("read", [to_rate_per_s, to_share, to_duration_s])
@pytest.mark.parametrize("written", ["5 rad/s", "5 revolutions/s", "30 degrees", "1 turn"])
def test_an_angle_is_nothing_of_the_kind(read, written):
    with pytest.raises(ValueError, match=f"found '{written}', which is in an angle"):
        read(written)


@pytest.mark.parametrize("written", ["10 m", "10 M"])
def test_minutes_are_min(written):
    with pytest.raises(ValueError, match="minutes are 'min'"):
        to_duration_s(written)
