"""What a report has in it, as a reader of its HTML finds it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

Row = dict[str, str]


@dataclass
class Found:
    """One section."""

    heading: str = ""
    missing: list[str] = field(default_factory=list)
    """Sentences in place of something."""
    titles: list[str] = field(default_factory=list)
    """Of its parts."""
    says: list[str] = field(default_factory=list)
    """Sentences under them."""
    data: dict[str, str] = field(default_factory=dict)
    """Name of a file → its text."""

    def rows(self, name: str) -> list[Row]:
        """Rows of a file."""
        return list(csv.DictReader(io.StringIO(self.data[name])))


class Report(HTMLParser):
    """Sections by their names, and every address in the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sections: dict[str, Found] = {}
        self.links: list[str] = []
        self.notices: list[str] = []
        self.html = html
        self._into: list[tuple[str, list[str]]] = []
        self._current = Found()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        kind = given.get("class", "").split()
        self.links += [given[key] for key in ("href", "src") if key in given]
        if tag == "section":
            self._current = self.sections.setdefault(given["id"], Found())
        if tag == "a" and "data" in kind:
            self._current.data[given["download"]] = unquote(given["href"].partition(",")[2])
        wanted = {"h2": "heading", "h3": "title"}.get(tag) or next(
            (k for k in ("missing", "says", "notice") if k in kind), None
        )
        if wanted and tag in ("h2", "h3", "p", "figcaption"):
            self._into.append((tag, []))
            self._kind = wanted

    def handle_data(self, data: str) -> None:
        if self._into:
            self._into[-1][1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if not self._into or self._into[-1][0] != tag:
            return
        text = " ".join("".join(self._into.pop()[1]).split())
        if self._kind == "heading":
            self._current.heading = text
        elif self._kind == "notice":
            self.notices.append(text)
        else:
            {"title": self._current.titles, "missing": self._current.missing, "says": self._current.says}[
                self._kind
            ].append(text)
