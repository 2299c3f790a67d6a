"""The pages for beginners, followed to the end: every file as it is printed, every command as it is typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
LONG = {"failure-modes"}
"""Commands that take minutes; tests of their own run them."""
FILE = re.compile(r"`(conf/[\w/]+\.yaml)`")


def blocks(page: str) -> Iterator[tuple[str, list[str]]]:
    """Indented blocks, each with the last text before it."""
    before, block = "", list[str]()
    for line in [*(DOCS / page).read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("    ") or (block and not line):
            block.append(line[4:])
        elif line:
            if block:
                yield before, block
            before, block = line, []
    if block:
        yield before, block


def follow(page: str) -> Iterator[list[str]]:
    """Write the files where they stand, and give the words of each command in its turn."""
    for before, block in blocks(page):
        text = "\n".join(block).rstrip() + "\n"
        commands = re.findall(r"^\$ sfmodel ((?:.*\\\n)*.*)$", text, re.MULTILINE)
        files = FILE.findall(before)
        content = text.partition("\n$ ")[0].rstrip() + "\n"
        if files and not content.startswith("$ "):
            path = Path(files[0])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        for command in commands:
            yield shlex.split(command.replace("\\\n", " "))


@pytest.mark.parametrize(("page", "least"), [("first-platform.md", 7), ("own-changes.md", 13)])
def test_a_page_can_be_followed(sfmodel: Callable[..., tuple[int, str, str]], page: str, least: int) -> None:
    if page != "first-platform.md":
        assert sfmodel("new", "shop")[0] == 0
    ran = 0
    for words in (words for words in follow(page) if words[0] not in LONG):
        status, _, complaints = sfmodel(*words)
        assert status == 0, f"sfmodel {shlex.join(words)}: {complaints[-400:]}"
        ran += 1
    assert ran >= least
