"""The export for tracing tools against the published protobuf schema of OpenTelemetry (opentelemetry-proto)."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData
from spans import FAILED, HAPPY, LABELS, SPAN

from sfmodel.results import traces

IDENTIFIERS = ("traceId", "spanId", "parentSpanId")


def as_protobuf_json(content: Any) -> Any:
    """OTLP writes identifiers as hexadecimal where protobuf's own JSON has base64; everything else is the same."""
    if isinstance(content, dict):
        return {
            key: base64.b64encode(bytes.fromhex(value)).decode() if key in IDENTIFIERS else as_protobuf_json(value)
            for key, value in content.items()
        }
    return [as_protobuf_json(entry) for entry in content] if isinstance(content, list) else content


@pytest.fixture
def spans(tmp_path) -> dict[tuple[str, bytes], Span]:
    """Spans as the schema reads them, by service and identifier; an unknown field or a wrong type is refused."""
    traces.write_traces(np.array(HAPPY + FAILED, SPAN), LABELS, tmp_path)
    traces.export_traces(tmp_path, tmp_path / "otlp.json")
    written = as_protobuf_json(json.loads((tmp_path / "otlp.json").read_text()))
    data = json_format.ParseDict(written, TracesData(), ignore_unknown_fields=False)
    return {
        (resource.resource.attributes[0].value.string_value, span.span_id): span
        for resource in data.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def number(identifier: bytes) -> int:
    return int.from_bytes(identifier, "big")


def test_every_span_has_identifiers_of_the_right_length_under_its_service(spans):
    assert len(spans) == len(HAPPY) + len(FAILED)
    assert {(len(span.trace_id), len(span.span_id)) for span in spans.values()} == {(16, 8)}
    assert {(service, number(key)) for service, key in spans} == {
        ("gateway", 1), ("auth", 2), ("profile", 3), ("engine", 4), ("cache", 5), ("gateway", 11), ("auth", 12), ("auth", 13),
    }  # fmt: skip


def test_parents_are_spans_of_the_same_trace_and_roots_have_none(spans):
    by_number = {number(span.span_id): span for span in spans.values()}
    parents = {key: number(span.parent_span_id) for key, span in by_number.items() if span.parent_span_id}
    assert parents == {4: 1, 5: 4, 2: 1, 3: 1, 12: 11, 13: 11}
    assert all(by_number[child].trace_id == by_number[parent].trace_id for child, parent in parents.items())


def test_times_are_nanoseconds_since_midnight_of_the_first_day(spans):
    validate = spans["auth", (2).to_bytes(8, "big")]
    assert validate.start_time_unix_nano == 72_000 * 10**9
    assert validate.end_time_unix_nano == pytest.approx(72_000_020 * 10**6, abs=1000)  # rounded from a float64
    assert validate.kind == Span.SPAN_KIND_SERVER


def test_failures_are_errors_with_their_outcome(spans):
    gateway, rejected = spans["gateway", (11).to_bytes(8, "big")], spans["auth", (13).to_bytes(8, "big")]
    assert (gateway.status.code, gateway.status.message) == (Status.STATUS_CODE_ERROR, "timeout")
    assert rejected.status.message == "rejected"
    assert spans["cache", (5).to_bytes(8, "big")].status.code == Status.STATUS_CODE_OK
    attributes = {one.key: one.value for one in spans["auth", (12).to_bytes(8, "big")].attributes}
    assert attributes["sfmodel.zombie"].bool_value is True
    assert attributes["sfmodel.queued_s"].double_value == pytest.approx(1.2)
    assert attributes["sfmodel.attempt"].int_value == 0


def test_one_request_alone(tmp_path):
    traces.write_traces(np.array(HAPPY + FAILED, SPAN), LABELS, tmp_path)
    assert traces.export_traces(tmp_path, tmp_path / "one.json", [f"{8:016x}"]).startswith("3 spans written")
    data = json_format.ParseDict(as_protobuf_json(json.loads((tmp_path / "one.json").read_text())), TracesData())
    assert {number(span.trace_id) for r in data.resource_spans for s in r.scope_spans for span in s.spans} == {8}
