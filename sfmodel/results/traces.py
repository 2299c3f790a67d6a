"""Sampled requests, call by call: written as logs, found again, printed as numbered steps.

A span is one task: one call in flight. Three files of JSON lines go into a run's folder, like the services' own
structured logs: traces.jsonl (every span), requests.jsonl (a line for each request), errors.jsonl (a line for each span
that failed). Identifiers are 16 hexadecimal digits; user and item are null where a request has none. Cost: some 10 µs
a span.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError, RunError, RunNotFoundError, nearest
from sfmodel.results.disk import disk_errors
from sfmodel.results.replications import FOLDER
from sfmodel.results.variables import OUTCOMES

if TYPE_CHECKING:
    from rich.text import Text

TRACES, REQUESTS, ERRORS = "traces.jsonl", "requests.jsonl", "errors.jsonl"

EPOCH = date(1970, 1, 1)

PATHS = ("fast", "slow", "failed")
"""Requests that can be asked for by their path: the median of the good ones, the slowest good one, a failed one."""

Span = dict[str, Any]


_SPAN = {
    "trace", "span", "parent", "service", "endpoint", "call", "replica", "start_s", "arrived_s", "ended_s", "queued_s",
    "served_s", "outcome", "cause", "attempt", "zombie", "user", "item",
}  # fmt: skip
_REQUEST = {"request", "endpoint", "outcome", "duration_s"}
"""What is needed of a line of traces.jsonl and of requests.jsonl."""


class NoSuchRequestError(RunNotFoundError):
    """Requests were traced, and none of them is of the kind that was asked for."""


_AT_ONCE = 1000


def write_traces(spans: NDArray[np.void], labels: Mapping[str, Sequence[str]], folder: Path) -> int:
    """Write traces.jsonl, requests.jsonl and errors.jsonl and return the number of requests.

    Parameters
    ----------
    spans
        One record for each task that ended: trace, span, parent (u8, parent 0: none), endpoint, call, replica (i4),
        start, arrived, ended (s since midnight), queued, served (s), outcome, cause, attempt, zombie, user, item.
    labels
        Labels of `endpoint`, of `call` and of `cause`, by number.
    folder
        Folder of the run.

    Raises
    ------
    RunError
        The folder cannot be written.
    """
    ordered = np.sort(spans, order=["trace_id", "start", "span"])
    requests: list[tuple[float, str]] = []
    with disk_errors(folder), (folder / TRACES).open("w", encoding="utf-8") as traces:
        with (folder / ERRORS).open("w", encoding="utf-8") as errors:
            for group in _requests(ordered, labels):
                traces.writelines(_line(span) for span in group)
                errors.writelines(_line(_error(span)) for span in group if span["outcome"] != "ok")
                request = _request(group)
                requests.append((request["time_s"], _line(request)))
        with (folder / REQUESTS).open("w", encoding="utf-8") as file:
            file.writelines(line for _, line in sorted(requests))
    return len(requests)


def find_request(
    folder: Path, which: str | None = None, endpoint: str | None = None, known: Iterable[str] = PATHS
) -> str:
    """Find the identifier of a sampled request.

    Parameters
    ----------
    folder
        Folder of a run.
    which
        An identifier or its beginning, or one of `PATHS`; none: slow.
    endpoint
        Only requests to this service.endpoint; none: for `PATHS`, to those that users or sources call.
    known
        Paths that could have been meant.

    Raises
    ------
    NoSuchRequestError
        None of those that were traced took the path.
    RunNotFoundError
        The run has no traces, or none of this name.
    """
    requests = [r for r in _read_lines(folder / REQUESTS, _REQUEST) if endpoint is None or r["endpoint"] == endpoint]
    which = which or "slow"
    if which in PATHS:
        asked = _asked(folder) if endpoint is None else set()
        entered = [r for r in requests if r["endpoint"] in asked] or requests
        chosen = sorted((r for r in entered if (r["outcome"] == "ok") != (which == "failed")), key=_duration)
        if not chosen:
            to = f" to {endpoint}" if endpoint else ""
            raise NoSuchRequestError(f"no traced request of {folder.name}{to} took the path '{which}'")
        found: str = chosen[-1 if which == "slow" else len(chosen) // 2]["request"]
        return found
    begin_so = [str(r["request"]) for r in requests if r["request"].startswith(which)]
    if len(begin_so) > 1:
        raise RunNotFoundError(
            f"{len(begin_so):,} traced requests of {folder.name} begin with '{which}'; give more of it"
        )
    if begin_so:
        return begin_so[0]
    raise RunNotFoundError(f"no traced request '{which}' in {folder.name}; {nearest(which, known)}")


def read_request(folder: Path, request: str) -> list[Span]:
    """Spans of one request, in order of their start.

    Raises
    ------
    RunError
        There are none, or the file was cut short.
    """
    found = [span for span in _read_lines(folder / TRACES, _SPAN, containing=request) if span["trace"] == request]
    if not found:
        raise damaged(folder / TRACES, f"has no span of request {request}")
    return found


def steps(spans: Sequence[Span], titles: Mapping[str, str] | None = None) -> list[str]:
    """Tell a request as numbered steps, children indented under their caller in the order of time.

    Parameters
    ----------
    spans
        Spans of one request.
    titles
        How services and endpoints (service.endpoint) are called; none: by their names.
    """
    root, children = _tree(spans)
    lines = [f"1. {'Source' if root['user'] is None else 'User'} → {_service(root, titles)}: {_action(root, titles)}"]

    def tell(parent: Span, depth: int) -> None:
        for child in children[parent["span"]]:
            lines.append(f"{len(lines) + 1}. {'   ' * depth}{_step(parent, child, titles)}")
            tell(child, depth + 1)

    tell(root, 0)
    ending = "Return" if root["outcome"] == "ok" else f"Return {root['outcome']} ✗"
    lines.append(f"{len(lines) + 1}. {ending} (Total: {written(_duration(root))})")
    return lines


def trace_tree(folder: Path, found: str) -> Text:
    """One request of a run, call by call, as text for a terminal.

    Parameters
    ----------
    folder
        Folder of a run.
    found
        Identifier of the request, from `find_request`.
    """
    from rich.text import Text

    spans = read_request(folder, found)
    root, _ = _tree(spans)
    text = Text(heading(root) + "\n", style="bold")
    for line in steps(spans, read_titles(folder)):
        text.append(line + "\n", style="red" if "✗" in line else "not bold")
    return text


def heading(root: Mapping[str, Any]) -> str:
    """Say which request this is: identifier, endpoint, time of day, user if it has one."""
    what = f"Request {root['trace']} to {root['service']}.{root['endpoint']} at {_clock(root['start_s'])}"
    return what if root["user"] is None else f"{what}, user {root['user']}"


def requests_to(folder: Path, endpoint: str) -> list[str]:
    """Identifiers of the sampled requests to a service.endpoint.

    Raises
    ------
    NoSuchRequestError
        There are none.
    """
    found = [str(r["request"]) for r in _read_lines(folder / REQUESTS, _REQUEST) if r["endpoint"] == endpoint]
    if not found:
        raise NoSuchRequestError(f"no request of {folder.name} to {endpoint} was traced")
    return found


def export_traces(folder: Path, output: Path, requests: Iterable[str] | None = None, day: date = EPOCH) -> str:
    """Write spans as OpenTelemetry JSON (OTLP 1.x, TracesData) and return a sentence that says so.

    Times of day are in UTC, so that tracing tools show the hours of the simulation. Identifiers are hexadecimal and
    enums are numbers, as the encoding asks for (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).

    Parameters
    ----------
    folder
        Folder of the run.
    output
        File to write.
    requests
        Identifiers of the requests to write; none: all.
    day
        Date of day 1.

    Raises
    ------
    ConfigError
        There is such a file already.
    RunError
        The traces were cut short, or the file cannot be written.
    """
    by_service: dict[str, list[dict[str, Any]]] = defaultdict(list)
    count = 0
    shift_s = 86400 * (day - EPOCH).days
    _refuse_existing(output)
    wanted = None if requests is None else frozenset(requests)
    containing = next(iter(wanted)) if wanted is not None and len(wanted) == 1 else ""
    for span in _read_lines(folder / TRACES, _SPAN, containing):
        if wanted is None or span["trace"] in wanted:
            by_service[span["service"]].append(_otlp(span, shift_s))
            count += 1
    if not count:
        raise nothing_traced(folder) if wanted is None else damaged(folder / TRACES, "has no span of these requests")
    resources = [
        {
            "resource": {"attributes": [_attribute("service.name", service)]},
            "scopeSpans": [{"scope": {"name": "sfmodel"}, "spans": found}],
        }
        for service, found in by_service.items()
    ]
    with disk_errors(output, "another file"):
        output.write_text(json.dumps({"resourceSpans": resources}), encoding="utf-8")
    return f"{count} spans written to {output}, day 1 dated {day.isoformat()}"


def read_titles(folder: Path) -> dict[str, str]:
    """Titles of services and of endpoints (service.endpoint), where the configuration in the dataset gives them."""
    services = (_platform(folder).get("services") or {}).items()
    titles = {name: service.get("title") for name, service in services}
    for name, service in services:
        titles.update({f"{name}.{e}": found.get("title") for e, found in (service.get("endpoints") or {}).items()})
    return {name: title for name, title in titles.items() if title}


def _asked(folder: Path) -> set[str]:
    """Endpoints that users or sources call, where the configuration in the dataset tells."""
    platform = _platform(folder)
    types = ((platform.get("users") or {}).get("sessions") or {}).get("types") or {}
    of_users = {request["call"] for kind in types.values() for request in kind["mix"].values()}
    return of_users or {source["call"] for source in (platform.get("sources") or {}).values()}


def _platform(folder: Path) -> Mapping[str, Any]:
    """The platform as it is written in the dataset; empty where it is not."""
    try:
        described = json.loads((folder / "dataset.zarr" / "zarr.json").read_text(encoding="utf-8"))
        return dict(described["attributes"]["config"]["platform"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _spans(spans: NDArray[np.void], labels: Mapping[str, Sequence[str]]) -> Iterator[Span]:
    """Records as mappings with names in place of numbers."""
    from sfkernels.keys import NOBODY

    names = spans.dtype.names or ()
    columns = [spans[name].tolist() for name in names]
    for values in zip(*columns, strict=True):
        record = dict(zip(names, values, strict=True))
        service, _, endpoint = labels["endpoint"][record["endpoint"]].partition(".")
        call = record["call"]
        yield {
            "trace": f"{record['trace_id']:016x}",
            "span": f"{record['span']:016x}",
            "parent": f"{record['parent']:016x}" if record["parent"] else None,
            "service": service,
            "endpoint": endpoint,
            "call": labels["call"][call] if call >= 0 else None,
            "replica": record["replica"],
            "start_s": record["start"],
            "arrived_s": record["arrived"],
            "ended_s": record["ended"],
            "queued_s": record["queued"],
            "served_s": record["served"],
            "outcome": OUTCOMES[record["outcome"]],
            "cause": labels["cause"][record["cause"]],
            "attempt": record["attempt"],
            "zombie": bool(record["zombie"]),
            "user": None if record["user"] == NOBODY else record["user"],
            "item": None if record["item_id"] == NOBODY else record["item_id"],
        }


def _requests(ordered: NDArray[np.void], labels: Mapping[str, Sequence[str]]) -> Iterator[list[Span]]:
    """Spans of one request after another, a few at a time as mappings."""
    firsts = np.flatnonzero(np.diff(ordered["trace_id"], prepend=ordered["trace_id"][:1] + np.uint64(1)))
    for part in range(0, len(firsts), _AT_ONCE):
        end = firsts[part + _AT_ONCE] if part + _AT_ONCE < len(firsts) else len(ordered)
        spans = _spans(ordered[firsts[part] : end], labels)
        for _, group in groupby(spans, key=lambda span: str(span["trace"])):
            yield list(group)


def _request(spans: Sequence[Span]) -> dict[str, Any]:
    root, _ = _tree(spans)
    return {
        "time": _clock(root["start_s"]),
        "time_s": root["start_s"],
        "request": root["trace"],
        "endpoint": f"{root['service']}.{root['endpoint']}",
        "user": root["user"],
        "item": root["item"],
        "outcome": root["outcome"],
        "duration_s": root["ended_s"] - root["start_s"],
        "spans": len(spans),
        "failed_spans": sum(span["outcome"] != "ok" for span in spans),
        "wasted_spans": sum(span["zombie"] for span in spans),
    }


def _error(span: Span) -> dict[str, Any]:
    waited = f"after {written(_duration(span))}, {written(span['queued_s'])} of them in queues"
    ended = f"ended with {span['outcome']} {waited}; it comes from {span['cause']}"
    return {
        "time": _clock(span["ended_s"]),
        "time_s": span["ended_s"],
        "level": "error",
        "request": span["trace"],
        "service": span["service"],
        "endpoint": span["endpoint"],
        "call": span["call"],
        "replica": span["replica"],
        "outcome": span["outcome"],
        "cause": span["cause"],
        "duration_s": _duration(span),
        "message": f"{span['service']}.{span['endpoint']} {ended}",
    }


def _tree(spans: Sequence[Span]) -> tuple[Span, dict[str, list[Span]]]:
    """The root, and the children of each span in order of time; spans whose parent was lost go under the root."""
    known = {span["span"] for span in spans}
    ordered = sorted(spans, key=lambda span: (span["start_s"], span["span"]))
    root = next((span for span in ordered if span["parent"] is None), ordered[0])
    children: dict[str, list[Span]] = defaultdict(list)
    for span in ordered:
        if span is not root:
            children[span["parent"] if span["parent"] in known else root["span"]].append(span)
    return root, children


def _step(parent: Span, span: Span, titles: Mapping[str, str] | None) -> str:
    """One line: Gateway → Auth Service: validate (20 ms)."""
    facts = [written(answered_after_s(span))]
    if span["queued_s"] >= 0.0005:
        facts.append(f"{written(span['queued_s'])} of it queued")
    if span["attempt"] > 0:
        facts.append(f"retry {span['attempt']}")
    if span["zombie"]:
        facts.append("nobody waited for it any more")
    if span["outcome"] != "ok":
        facts.append(f"{span['outcome']} ✗ from {span['cause']}")
    who = _service(parent, titles)
    whom = "a branch" if span["call"] is None else _service(span, titles)
    return f"{who} → {whom}: {_action(span, titles)} ({', '.join(facts)})"


def _service(span: Span, titles: Mapping[str, str] | None) -> str:
    name: str = span["service"]
    return (titles or {}).get(name) or name[:1].upper() + name[1:]


def _action(span: Span, titles: Mapping[str, str] | None) -> str:
    return (titles or {}).get(f"{span['service']}.{span['endpoint']}") or str(span["endpoint"]).replace("_", " ")


def _duration(span: Mapping[str, Any]) -> float:
    """Duration, s, of a span or of a line of the request log."""
    return float(span["duration_s"] if "duration_s" in span else span["ended_s"] - span["start_s"])


def answered_after_s(span: Mapping[str, Any]) -> Any:
    """How long after the call its reply is back, s: it travels as long as the request did.

    Parameters
    ----------
    span
        A span, or the columns of many: start_s, arrived_s and ended_s by name.
    """
    return span["ended_s"] - span["start_s"] + span["arrived_s"] - span["start_s"]


def written(seconds: float) -> str:
    """Write a duration with two or three figures: 5 ms, 76 ms, 1.5 s."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    return f"{1000 * seconds:.0f} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def _clock(time_s: float) -> str:
    milliseconds = round(time_s * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    return f"{hours:02d}:{rest // 60_000:02d}:{rest // 1000 % 60:02d}.{rest % 1000:03d}"


def _otlp(span: Span, shift_s: int) -> dict[str, Any]:
    parent = {"parentSpanId": span["parent"]} if span["parent"] else {}
    kept = ("outcome", "cause", "attempt", "zombie", "replica", "user", "item", "queued_s", "served_s")
    return {
        "traceId": span["trace"].rjust(32, "0"),
        "spanId": span["span"],
        **parent,
        "name": f"{span['service']}.{span['endpoint']}",
        "kind": 2,  # a server's span
        "startTimeUnixNano": _nanoseconds(span["arrived_s"], shift_s),
        "endTimeUnixNano": _nanoseconds(span["ended_s"], shift_s),
        "attributes": [_attribute(f"sfmodel.{name}", span[name]) for name in kept if span[name] is not None],
        "status": {"code": 1} if span["outcome"] == "ok" else {"code": 2, "message": span["outcome"]},
    }


def _attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": str(value)}}


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False) + "\n"


def damaged(path: Path, what: str) -> RunError:
    """What to say where a file of traces is not as it was written."""
    return RunError(
        f"{path} {what}: the file was cut short or changed. Copy it again from where it was made, or run it again."
    )


def _nanoseconds(time_s: float, shift_s: int) -> str:
    return str(round(time_s * 1e9) + 1_000_000_000 * shift_s)


def nothing_traced(folder: Path) -> RunNotFoundError:
    """What to say where a run has no traces."""
    of_seed = folder.parent.name == FOLDER
    name = f"{folder.parent.parent.name}, seed {folder.name}" if of_seed else folder.name
    return RunNotFoundError(f"no request of {name} was traced; run it again, with trace.one_in=1000")


def _refuse_existing(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise ConfigError(f"--otlp: there is a file {output} already; choose another name, or remove it")


def _read_lines(path: Path, needed: set[str], containing: str = "") -> Iterator[dict[str, Any]]:
    """Parse the lines that contain a text; the others are not parsed. Each has the keys that are needed."""
    if not path.is_file():
        if path.name != TRACES and (path.parent / TRACES).is_file():
            raise RunError(
                f"{path} is missing, beside {TRACES}. Copy it again from where it was made, or run it again."
            )
        raise nothing_traced(path.parent)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if containing.encode() in line:
                yield _parsed(path, number, line, needed)


def _parsed(path: Path, number: int, line: bytes, needed: set[str]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
        lacks = needed - found.keys()
    except (ValueError, AttributeError):
        raise damaged(path, f"has no JSON object in line {number}") from None
    if lacks:
        raise damaged(path, f"has no '{min(lacks)}' in line {number}")
    return found
