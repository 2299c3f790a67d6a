"""The graph of the services as SVG: boxes and ways whose look the page changes from window to window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup, escape

from sfmodel.diagnosis.edges import USERS
from sfmodel.report.layers import HIGH, WIDE, Drawing, Edge, Point, layered

_ASIDE = 9.0
"""A cascade is drawn so far beside the calls that it goes along."""

Dragged = tuple[str, str, str]
"""Source, target and kind of an edge of a cascade."""


def drawn(
    services: Sequence[str], calls: Sequence[Edge], entries: Sequence[str], dragged: Sequence[Dragged]
) -> tuple[Markup, dict[str, list[list[str]]]]:
    """Draw services, their calls, and the edges of all cascades, which the page shows in their time.

    Parameters
    ----------
    services
        Names, in the order in which they are listed.
    calls
        Pairs of caller and callee.
    entries
        Services where users' requests enter; none: users are not drawn.
    dragged
        Edges of cascades.

    Returns
    -------
    The picture; and which calls and which edges of cascades have which numbers in it.
    """
    inside = [edge for edge in calls if edge[0] in services and edge[1] in services]
    from_users = [(USERS, entry) for entry in entries]
    drawing = layered([*([USERS] if entries else []), *services], [*from_users, *inside])
    parts = [_way(f"call-{k}", "call", drawing.ways[edge]) for k, edge in enumerate(inside)]
    parts += [_way(f"entry-{k}", "call entry", drawing.ways[edge]) for k, edge in enumerate(from_users)]
    shown = [one for one in dragged if one[0] in drawing.place and one[1] in drawing.place]
    parts += [_way(f"drag-{k}", f"drag {one[2]}", _beside(drawing, one)) for k, one in enumerate(shown)]
    parts += [_box(k, name, drawing.place[name]) for k, name in enumerate(services)]
    parts += [_users(drawing.place[USERS])] if entries else []
    top = round(HIGH) - 32 if entries else 0
    svg = Markup(
        '<svg class="graph" viewBox="0 {} {} {}" role="group" aria-label="Services and their calls">{}{}</svg>'
    ).format(top, round(drawing.width), round(drawing.height) - top, _MARKERS, Markup("").join(parts))
    return svg, {"calls": [list(edge) for edge in inside], "drags": [list(one) for one in shown]}


_MARKERS = Markup(
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" '
    'orient="auto-start-reverse"><path d="M0,0.8 L8,4 L0,7.2 z" class="tip"/></marker>'
    '<marker id="hot" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="13" markerHeight="13" markerUnits="userSpaceOnUse" '
    'orient="auto-start-reverse"><path d="M0,0.5 L8,4 L0,7.5 z" class="hot"/></marker></defs>'
)


def _box(number: int, name: str, at: Point) -> Markup:
    x, y = at[0] - WIDE / 2, at[1] - HIGH / 2
    return Markup(
        '<g class="service" id="service-{}" tabindex="0" role="img" aria-label="{}" transform="translate({:.0f},{:.0f})">'
        '<rect class="back" width="{w:.0f}" height="{h:.0f}" rx="5"/><rect class="tint" width="{w:.0f}" height="{h:.0f}" rx="5"/>'
        '<text class="name" x="10" y="18">{}</text><text class="load" x="{right:.0f}" y="18"></text>'
        '<text class="state" x="10" y="36"></text>'
        '<rect class="track" x="10" y="{bar:.0f}" width="{inner:.0f}" height="6" rx="3"/>'
        '<rect class="busy" x="10" y="{bar:.0f}" width="0" height="6" rx="3"/><title>{}</title></g>'
    ).format(
        number, name, x, y, escape(_cut(name)), name, w=WIDE, h=HIGH, right=WIDE - 10, bar=HIGH - 16, inner=WIDE - 20
    )


def _cut(name: str) -> str:
    return name if len(name) <= 13 else f"{name[:12]}…"


def _users(at: Point) -> Markup:
    """At the lower edge of the place of a box."""
    x, y = at[0], at[1] + HIGH / 2 - 13
    return Markup(
        '<g class="users"><rect x="{:.0f}" y="{:.0f}" width="84" height="26" rx="13"/>'
        '<text x="{:.0f}" y="{:.0f}">users</text></g>'
    ).format(x - 42, y - 13, x, y + 4)


def _way(name: str, kind: str, points: Sequence[Point]) -> Markup:
    tip = "hot" if kind.startswith("drag") else "tip"
    return Markup('<path id="{}" class="{}" d="{}" marker-end="url(#{})"/>').format(name, kind, _curve(points), tip)


def _curve(points: Sequence[Point]) -> str:
    """A smooth way through points, from the edge of the first box to the edge of the last."""
    between = [(x, y + side * HIGH / 2) for x, y in points[1:-1] for side in _sides(points)]
    ends = [_at_edge(points[0], points[1]), *between, _at_edge(points[-1], points[-2])]
    text = f"M{ends[0][0]:.1f},{ends[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(ends):
        if abs(y1 - y0) < 1:  # within a layer: an arc above it
            text += f" Q{(x0 + x1) / 2:.1f},{y0 - 40:.1f} {x1:.1f},{y1:.1f}"
        else:
            half = (y1 - y0) / 2
            text += f" C{x0:.1f},{y0 + half:.1f} {x1:.1f},{y1 - half:.1f} {x1:.1f},{y1:.1f}"
    return text


def _sides(points: Sequence[Point]) -> tuple[int, int]:
    """Upper and lower end of a layer, in the order in which a way comes to them: it passes straight beside what lies there."""
    return (-1, 1) if points[-1][1] > points[0][1] else (1, -1)


def _at_edge(box: Point, towards: Point) -> Point:
    """Where a way to another point leaves a box: above, below, or at its upper edge to one of the same layer."""
    (x, y), (tx, ty) = box, towards
    half = HIGH / 2 + 1
    shift = max(-WIDE / 2 + 14, min(WIDE / 2 - 14, (tx - x) * 0.18))
    return (x + shift, y + half) if ty > y + 1 else (x + shift, y - half)


def _beside(drawing: Drawing, one: Dragged) -> list[Point]:
    """The way of an edge of a cascade: beside the calls that it goes along, in either direction; else straight."""
    source, target, _ = one
    along = drawing.ways.get((source, target))
    against = drawing.ways.get((target, source))
    way = list(along or (against[::-1] if against else (drawing.place[source], drawing.place[target])))
    aside = _ASIDE if against and not along else -_ASIDE
    return [(x + aside, y) for x, y in way]
