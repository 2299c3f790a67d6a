import json

import numpy as np
import pytest
from spans import FAILED, HAPPY, LABELS, SLOW, SPAN, TITLES

from sfkernels.keys import NOBODY
from sfmodel.errors import RunError, RunNotFoundError
from sfmodel.results import traces


@pytest.fixture
def folder(tmp_path):
    traces.write_traces(np.array(HAPPY + FAILED + SLOW, SPAN), LABELS, tmp_path)
    return tmp_path


def test_the_happy_path_reads_as_in_the_case_study(folder):
    assert traces.steps(traces.read_request(folder, f"{7:016x}"), TITLES) == [
        "1. User → Gateway: recommendations",
        "2. Gateway → Auth Service: validate (20 ms)",
        "3. Gateway → User Profile Service: get (50 ms, 10 ms of it queued)",
        "4. Gateway → Engine: recommend (6.1 ms)",
        "5.    Engine → Cache: get (5 ms)",
        "6. Return (Total: 76 ms)",
    ]


def test_a_failed_path_says_what_failed_and_what_nobody_waited_for(folder):
    assert traces.steps(traces.read_request(folder, f"{8:016x}"), TITLES) == [
        "1. User → Gateway: recommendations",
        "2. Gateway → Auth Service: validate (3 s, 1.2 s of it queued, nobody waited for it any more)",
        "3. Gateway → Auth Service: validate (500 ms, retry 1, rejected ✗ from auth.workers)",
        "4. Return timeout ✗ (Total: 2 s)",
    ]


def test_requests_are_found_by_path_and_by_identifier(folder):
    assert int(traces.find_request(folder, "slow"), 16) == 9
    assert int(traces.find_request(folder, "failed"), 16) == 8
    assert int(traces.find_request(folder, "fast"), 16) in (7, 9)
    assert int(traces.find_request(folder, f"{7:016x}"), 16) == 7
    assert traces.find_request(folder) == traces.find_request(folder, "slow", "gateway.recommendations")


def test_a_request_that_is_not_there_is_a_sentence(folder, tmp_path):
    with pytest.raises(RunNotFoundError, match=r"no traced request 'slwo' in .*; did you mean 'slow'"):
        traces.find_request(folder, "slwo")
    with pytest.raises(
        RunNotFoundError, match=r"no request of elsewhere was traced; run it again, with trace\.one_in=1000"
    ):
        traces.find_request(tmp_path / "elsewhere", "slow")


def test_a_file_that_is_missing_beside_the_others_is_named(folder):
    (folder / traces.REQUESTS).unlink()
    with pytest.raises(RunError, match=r"requests\.jsonl is missing, beside traces\.jsonl"):
        traces.find_request(folder, "slow")


def test_a_step_takes_as_long_as_its_caller_waits():
    span = {"span": "b", "parent": "a", "service": "shop", "endpoint": "go", "call": "web.get>shop.go", "queued_s": 0.0}
    child = {**span, "start_s": 1.0, "arrived_s": 1.1, "ended_s": 1.15, "attempt": 0, "zombie": False, "outcome": "ok"}
    root = {
        **child,
        "span": "a",
        "parent": None,
        "service": "web",
        "call": None,
        "user": 1,
        "arrived_s": 1.0,
        "ended_s": 1.25,
    }
    assert traces.steps([root, child])[1:] == ["2. Web → Shop: go (250 ms)", "3. Return (Total: 250 ms)"]


def test_logs_have_a_line_for_each_request_and_each_error(folder):
    requests = [json.loads(line) for line in (folder / traces.REQUESTS).read_text().splitlines()]
    errors = [json.loads(line) for line in (folder / traces.ERRORS).read_text().splitlines()]
    assert [(r["outcome"], r["spans"]) for r in requests] == [("ok", 5), ("timeout", 3), ("ok", 2)]
    assert requests[0]["time"] == "20:00:00.000"
    assert [(e["service"], e["outcome"]) for e in errors] == [("gateway", "timeout"), ("auth", "rejected")]
    message = "auth.validate ended with rejected after 500 ms, 0 ms of them in queues; it comes from auth.workers"
    assert errors[1]["message"] == message


def test_a_request_without_user_and_item_says_so_nowhere(tmp_path):
    spans = np.array(HAPPY, SPAN)
    spans["user"] = spans["item_id"] = NOBODY
    traces.write_traces(spans, LABELS, tmp_path)
    (request,) = [json.loads(line) for line in (tmp_path / traces.REQUESTS).read_text().splitlines()]
    assert (request["user"], request["item"]) == (None, None)
    text = traces.trace_tree(tmp_path, f"{7:016x}").plain
    assert text.splitlines()[:2] == [
        "Request 0000000000000007 to gateway.recommendations at 20:00:00.000",
        "1. Source → Gateway: recommendations",
    ]
    traces.export_traces(tmp_path, tmp_path / "otlp.json")
    exported = (tmp_path / "otlp.json").read_text()
    assert "sfmodel.outcome" in exported
    assert "sfmodel.user" not in exported
    assert "sfmodel.item" not in exported


def test_the_slowest_is_one_that_users_make(tmp_path):
    traces.write_traces(np.array(HAPPY + SLOW, SPAN), LABELS, tmp_path)
    assert int(traces.find_request(tmp_path), 16) == 9
    lines = [json.loads(line) for line in (tmp_path / traces.REQUESTS).read_text().splitlines()]
    slow = next(line for line in lines if int(line["request"], 16) == 9)
    slow["endpoint"] = "mail.send"
    (tmp_path / traces.REQUESTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    platform = {"sources": {"visitors": {"call": "gateway.recommendations"}}}
    (tmp_path / "dataset.zarr").mkdir()
    described = {"attributes": {"config": {"platform": platform}}}
    (tmp_path / "dataset.zarr" / "zarr.json").write_text(json.dumps(described))
    assert int(traces.find_request(tmp_path), 16) == 7
    assert int(traces.find_request(tmp_path, "slow", "mail.send"), 16) == 9


def test_spans_whose_parent_was_lost_stay_in_the_tree(tmp_path):
    traces.write_traces(np.array([HAPPY[0], HAPPY[2]], SPAN), LABELS, tmp_path)
    assert traces.steps(traces.read_request(tmp_path, f"{7:016x}"))[1] == "2. Gateway → Cache: get (5 ms)"


def test_export_for_tracing_tools(folder):
    sentence = traces.export_traces(folder, folder / "otlp.json")
    assert sentence.startswith("10 spans written to")
    exported = json.loads((folder / "otlp.json").read_text())
    names = {r["resource"]["attributes"][0]["value"]["stringValue"] for r in exported["resourceSpans"]}
    assert names == {"gateway", "auth", "profile", "engine", "cache"}


def test_text_for_a_terminal(folder):
    assert (
        "Request 0000000000000008 to gateway.recommendations at 20:00:00.000"
        in traces.trace_tree(folder, traces.find_request(folder, "failed")).plain
    )


def test_no_spans_give_empty_files(tmp_path):
    assert traces.write_traces(np.zeros(0, SPAN), LABELS, tmp_path) == 0
    assert (tmp_path / traces.REQUESTS).read_text() == ""
