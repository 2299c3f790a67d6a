"""What a result depends on besides its configuration: the sources of this package, and the files that are named in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sfkernels.jit as jit
from sfmodel.schema.files import find_file

PROVENANCE = {"version": "versions of sfmodel", "sources": "sources of sfmodel", "files": "files of data"}
"""Attributes that say what a dataset was made of, and what several of each are called."""

_BYTES = 8


def provenance(written: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a dataset that say what it was made of.

    Parameters
    ----------
    written
        The configuration of the run.

    Returns
    -------
    `version`, `sources` (hash of all sources, kernels included), `files` (name in the configuration → hash of its bytes).
    """
    paths = {name: find_file(name) for name in files_named(written)}
    files = {name: _hash(path.read_bytes()) for name, path in paths.items() if path is not None}
    return {"version": version("sfmodel"), "sources": sources_hash(), "files": files}


@cache
def sources_hash() -> str:
    """Short hash of every source file of the package and of its kernels, as they were when it was first asked for."""
    root = Path(__file__).parent
    sources = [path.relative_to(root).as_posix().encode() + path.read_bytes() for path in sorted(root.rglob("*.py"))]
    return _hash(jit.sources_hash().encode() + b"".join(map(_digest, sources)))


def files_named(written: Any, key: str = "") -> Iterator[str]:
    """Names of files in a configuration: the texts under `file`, also in the changes of a scenario (`….file`)."""
    if isinstance(written, Mapping):
        for name, below in written.items():
            yield from files_named(below, str(name))
    elif isinstance(written, list | tuple):
        for below in written:
            yield from files_named(below)
    elif isinstance(written, str) and key.rpartition(".")[2] == "file":
        yield written


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_BYTES).digest()


def _hash(content: bytes) -> str:
    return _digest(content).hex()
