"""Tables from CSV and Parquet files: what a file is, is told by its first bytes, not by its name."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

_PARQUET = b"PAR1"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_QUOTED = re.compile(r'"[^"]*"')
_SEPARATORS = (",", ";", "\t", "|")


def read_table(path: Path) -> pl.DataFrame:
    """Read a file; again when it was changed.

    Raises
    ------
    ConfigError
        It is neither CSV in UTF-8 nor Parquet.
    """
    found = path.stat()
    return _read_once(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16)
def _read_once(path: Path, changed_ns: int, size: int) -> pl.DataFrame:
    import polars as pl

    with path.open("rb") as file:
        begins = file.read(4096)
    if begins.startswith(_PARQUET) or path.suffix.lower() == ".parquet":
        return pl.read_parquet(path)
    if begins.startswith(_UTF16):
        raise ConfigError("it is in UTF-16; save it as CSV in UTF-8")
    if begins.startswith((_GZIP, _ZSTD)):
        begins = _first_line(path)
    if b"\0" in begins:
        raise ConfigError("it holds no text; expected CSV in UTF-8, or Parquet")
    # of what kind a column is, only all of its rows tell: whole numbers may be followed by others
    return pl.read_csv(path, try_parse_dates=True, separator=_separator(begins), infer_schema_length=None)


def _first_line(path: Path) -> bytes:
    """First line of a compressed file."""
    import polars as pl

    line = pl.read_csv(path, has_header=False, n_rows=1, separator="\x1f", quote_char=None, infer_schema_length=0)
    return str(line.item()).encode()


def _separator(begins: bytes) -> str:
    """The sign between the names in the first line: the most frequent outside of quotes of those that tables use."""
    header = _QUOTED.sub("", begins.decode(errors="replace")).partition("\n")[0]
    return max(_SEPARATORS, key=header.count)
