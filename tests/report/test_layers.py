"""Every graph can be drawn: nothing overlaps, calls go downwards unless they close a cycle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sfmodel.report.layers import HIGH, WIDE, layered

NAMES = [f"s{k}" for k in range(9)]
GRAPHS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=25)


@settings(max_examples=200, deadline=None)
@given(GRAPHS)
def test_no_two_boxes_overlap_and_all_lie_inside(edges: list[tuple[str, str]]) -> None:
    drawing = layered(NAMES, edges)
    places = list(drawing.place.values())
    assert len(places) == len(NAMES)
    for k, (x, y) in enumerate(places):
        assert WIDE / 2 <= x <= drawing.width - WIDE / 2
        assert HIGH / 2 <= y <= drawing.height - HIGH / 2
        assert all(abs(x - a) >= WIDE or abs(y - b) >= HIGH for a, b in places[:k])


@settings(max_examples=200, deadline=None)
@given(GRAPHS)
def test_each_call_has_a_way_from_its_caller_to_its_callee(edges: list[tuple[str, str]]) -> None:
    drawing = layered(NAMES, edges)
    assert set(drawing.ways) == {edge for edge in edges if edge[0] != edge[1]}
    for (caller, callee), way in drawing.ways.items():
        assert (way[0], way[-1]) == (drawing.place[caller], drawing.place[callee])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1]), max_size=25))
def test_without_cycles_every_call_goes_down(pairs: list[tuple[int, int]]) -> None:
    edges = [(NAMES[a], NAMES[b]) for a, b in pairs]
    place = layered(NAMES, edges).place
    assert all(place[caller][1] < place[callee][1] for caller, callee in edges)


def test_a_tree_has_no_crossings() -> None:
    """Leaves are listed so that their parents' edges would cross if they stayed in this order."""
    edges = [("s0", "s1"), ("s0", "s2"), ("s1", "s3"), ("s2", "s4"), ("s1", "s5"), ("s2", "s6")]
    place = layered(NAMES[:7], edges).place
    left, right = sorted(("s1", "s2"), key=lambda name: place[name][0])
    of = {parent: [place[b][0] for a, b in edges if a == parent] for parent in ("s1", "s2")}
    assert max(of[left]) < min(of[right])
