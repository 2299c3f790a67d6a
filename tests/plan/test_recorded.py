"""Recorded demand: the same series from every kind of file, on the platform's clock, and what is refused."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numcodecs import zstd

from sfmodel.errors import ConfigError
from sfmodel.plan.recorded import recorded_level, recorded_times
from sfmodel.schema.demand import Series

NOON = np.array([12 * 3600.0])
FIRST = dt.datetime(2024, 1, 1)
HOURS = [FIRST + dt.timedelta(hours=k) for k in range(49)]
VALUES = [100.0 + k % 24 for k in range(49)]  # at noon 112; 17.5 on average over the normal hours
EXPECTED = 112 / 117.5


def csv(separator: str = ",", zone: str = "", stamps: list[Any] = HOURS) -> str:
    lines = [f"{stamp}{zone}{separator}{value}" for stamp, value in zip(stamps, VALUES, strict=False)]
    return "\n".join([f"timestamp{separator}value", *lines, ""])


def series(path: Path, **more: Any) -> Series:
    return Series.model_validate({"file": str(path), **more})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", csv().encode()),
        ("x.csv", b"\xef\xbb\xbf" + csv().encode()),
        ("x.csv", csv(";").encode()),
        ("x.tsv", csv("\t").encode()),
        ("x.csv", csv().replace("\n", "\r\n").encode()),
        ("x.csv.gz", gzip.compress(csv().encode())),
        ("x.csv.gz", gzip.compress(csv(";").encode())),
        ("x.csv.zst", zstd.compress(csv("\t").encode(), 3)),
        ("x.csv", csv(stamps=[3600 * k for k in range(49)]).encode()),
    ],
    ids=[
        "commas",
        "byte order mark",
        "semicolons",
        "tabs",
        "Windows",
        "gzip",
        "gzip, semicolons",
        "zstd, tabs",
        "seconds",
    ],
)
def test_every_kind_of_csv(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert recorded_level(series(tmp_path / name), NOON) == pytest.approx(EXPECTED)


def test_a_column_may_begin_with_many_whole_numbers(tmp_path: Path) -> None:
    lines = [f"{600 * k},{112 if k < 144 else 112.5}" for k in range(145)]  # 24 hours
    (tmp_path / "x.csv").write_text("\n".join(["timestamp,value", *lines]))
    assert recorded_level(series(tmp_path / "x.csv"), NOON) == pytest.approx(1.0)


def test_separators_in_quotes_are_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(csv().replace("timestamp,value", 'timestamp,"value;a;b"'))
    assert recorded_level(series(tmp_path / "x.csv", value="value;a;b"), NOON) == pytest.approx(EXPECTED)


@pytest.mark.parametrize("name", ["x.parquet", "X.PARQUET", "x.pq"])
def test_parquet_by_any_name(tmp_path: Path, name: str) -> None:
    pl.DataFrame({"timestamp": HOURS, "value": VALUES}).write_parquet(tmp_path / name)
    assert recorded_level(series(tmp_path / name), NOON) == pytest.approx(EXPECTED)


def test_a_time_of_day_is_no_number_of_nanoseconds(tmp_path: Path) -> None:
    frame = pl.DataFrame({"timestamp": HOURS[:24], "value": VALUES[:24]}).with_columns(pl.col("timestamp").dt.time())
    frame.write_parquet(tmp_path / "x.parquet")
    assert recorded_times(series(tmp_path / "x.parquet")).tolist() == [3600.0 * k for k in range(24)]


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(csv())
    recorded_level(series(path), NOON)
    path.write_text(csv().replace("12:00:00,112.0", "12:00:00,235.0"))
    assert recorded_level(series(path), NOON) == pytest.approx(2.0)


def test_timestamps_with_a_zone_are_put_on_the_clock_of_the_platform(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(csv(zone="+02:00"))  # noon in Berlin, UTC+1, is 13:00 there
    assert recorded_level(series(path, zone="Europe/Berlin"), NOON) == pytest.approx(113 / 118.5)
    utc = pl.Series(HOURS).dt.replace_time_zone("UTC")
    pl.DataFrame({"timestamp": utc, "value": VALUES}).write_parquet(tmp_path / "x.parquet")
    assert recorded_level(series(tmp_path / "x.parquet", zone="UTC"), NOON) == pytest.approx(EXPECTED)


def test_seconds_since_1970_are_put_on_the_clock_of_the_platform(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(csv(stamps=[int(stamp.replace(tzinfo=dt.UTC).timestamp()) for stamp in HOURS]))
    assert recorded_level(series(path, day="2024-01-01"), NOON) == pytest.approx(EXPECTED)
    berlin = series(path, day="2024-01-01", zone="Europe/Berlin")  # noon in Berlin, UTC+1, is 11:00
    assert recorded_level(berlin, NOON) == pytest.approx(111 / 116.5)


def test_times_of_the_day_belong_to_no_date(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(csv(stamps=[3600 * k for k in range(49)]))
    with pytest.raises(ConfigError, match=r"day: column 'timestamp' of .* times of the day, .* leave day out"):
        recorded_level(series(path, day="2024-01-01"), NOON)


@pytest.mark.parametrize(("day", "is_fine"), [("2024-10-26", True), ("2024-10-27", False), ("2024-10-28", True)])
def test_a_year_with_changes_of_the_clock_serves_on_every_other_day(tmp_path: Path, day: str, is_fine: bool) -> None:
    begin = dt.datetime(2024, 10, 20, tzinfo=dt.UTC)
    stamps = pl.Series([begin + dt.timedelta(hours=k) for k in range(24 * 14)]).dt.convert_time_zone("Europe/Berlin")
    values = [float(100 + stamp.hour) for stamp in stamps]  # by the local clock
    pl.DataFrame({"timestamp": stamps, "value": values}).write_parquet(tmp_path / "x.parquet")
    found = series(tmp_path / "x.parquet", day=day, zone="Europe/Berlin")
    if is_fine:
        assert recorded_level(found, NOON) == pytest.approx(EXPECTED)
    else:
        with pytest.raises(ConfigError, match=r"day: clocks in Europe/Berlin change between 2024-10-27 .* another day"):
            recorded_level(found, NOON)


@pytest.mark.parametrize(
    ("zone", "more", "expected"),
    [
        (
            "+02:00",
            {},
            "holds timestamps with a time zone; say with demand.series.zone in which zone the platform's clock",
        ),
        ("Z", {}, "holds timestamps with a time zone"),
        ("", {"zone": "UTC"}, "holds times without a time zone, which are taken as they are; leave zone out"),
        ("Z", {"zone": "Europe/Belin"}, "there is no time zone 'Europe/Belin'; did you mean 'Europe/Berlin'?"),
        ("", {"day": "2024-02-30"}, "day: expected a date such as '2014-04-14', found '2024-02-30'"),
        (
            "",
            {"day": "2024-01-20"},
            "covers 2024-01-01 00:00 to 2024-01-03 00:00, the run needs 2024-01-20 12:00 to 2024-01-20 12:00, its "
            "warm-up included; demand.series.day is 2024-01-20: choose another",
        ),
        ("", {"normal": ["47:00", "50:00"]}, "normal: the normal hours 47:00–50:00 of day 1 are not in"),
    ],
)
def test_what_is_refused(tmp_path: Path, zone: str, more: dict[str, Any], expected: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(csv(zone=zone))
    with pytest.raises(ConfigError) as caught:
        recorded_level(series(path, **more), NOON)
    assert expected in str(caught.value)


@pytest.mark.parametrize(("twice", "is_fine"), [(range(49), False), ([12], False), (range(26, 49), True)])
def test_a_time_that_is_there_twice_has_no_demand(tmp_path: Path, twice: Any, is_fine: bool) -> None:
    path = tmp_path / "x.csv"
    head, *lines = csv().splitlines(keepends=True)
    path.write_text(head + "".join(line * (1 + (k in twice)) for k, line in enumerate(lines)))
    if is_fine:  # what is not used may be anything
        assert recorded_level(series(path), NOON) == pytest.approx(EXPECTED)
    else:
        with pytest.raises(
            ConfigError, match=r"time: .* has several rows for 2024-01-0\d \d\d:00, .*; keep one of them"
        ):
            recorded_level(series(path), NOON)


@pytest.mark.parametrize("hour", [12, 17], ids=["in the run", "in the normal hours"])
def test_a_missing_hour(tmp_path: Path, hour: int) -> None:
    path = tmp_path / "x.csv"
    path.write_text("".join(line for line in csv().splitlines(keepends=True) if f" {hour}:" not in line))
    with pytest.raises(
        ConfigError, match=rf"has a gap of 7200 s at 2024-01-01 {hour - 1}:00, where its step is 3600 s"
    ):
        recorded_level(series(path), np.array([10.0, 14.0]) * 3600)
