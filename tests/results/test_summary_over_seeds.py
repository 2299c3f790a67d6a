from sfmodel.results.summary_over_seeds import combine


def figures(**values):
    return {key: {"name": key, "value": value, "unit": "share"} for key, value in values.items()}


def row(requests, mean):
    return {"requests": requests, "ok": 1.0, "mean": mean}


def combined(*every, classes=({}, {})):
    summaries = [
        {"run": {}, "classes": {"whole": found}, "whole": one} for one, found in zip(every, classes, strict=True)
    ]
    return combine(summaries, {})


def test_kinds_of_failure_that_only_some_replications_have_are_all_there():
    whole = combined(
        figures(failed=0.1, failed_timeout=0.1, views=5.0), figures(failed=0.3, failed_rejected=0.3, views=7.0)
    )["whole"]
    assert {key: found["value"] for key, found in whole.items()} == {
        "failed": 0.2, "failed_timeout": 0.05, "failed_rejected": 0.15, "views": 6.0,
    }  # fmt: skip
    assert [found["n"] for found in whole.values()] == [2] * 4
    assert list(whole)[-1] == "views"  # a kind stands with the others


def test_a_station_that_is_not_among_the_busiest_in_each_is_left_out():
    whole = combined(figures(**{"busy.a": 0.9, "busy.b": 0.8}), figures(**{"busy.c": 0.9, "busy.b": 0.7}))["whole"]
    assert list(whole) == ["busy.b"]


def test_requests_of_a_class_that_a_replication_lacks_count_as_none():
    classes = ({"rare": row(10.0, 0.5), "often": row(100.0, 0.1)}, {"often": row(200.0, 0.3)})
    found = combined(figures(), figures(), classes=classes)["classes"]["whole"]
    assert list(found) == ["rare", "often"]
    assert found["rare"] == row(5.0, 0.5)  # 10 and none; times of those that there were
    assert found["often"] == row(150.0, 0.2)
