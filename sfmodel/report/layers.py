"""Where the services of a call graph lie: in layers by the depth of the calls, each edge on a way of its own.

The method of Sugiyama, Tagawa and Toda (1981): edges that close a cycle are turned round, each node lies one layer below the
lowest of those that call it, an edge over several layers gets a place in each, layers are ordered by the means of their
neighbours until no order with fewer crossings is found, and then moved towards these means as far as there is room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[str, str]
Point = tuple[float, float]
Node = str | tuple[str, str, int]
"""A service, or the place of an edge in a layer."""

WIDE, HIGH = 152.0, 64.0
"""Of a box."""
_APART, _ALONG, _BELOW = 34.0, 30.0, 104.0
"""Between two boxes, between an edge and what is beside it, and from one layer to the next."""
_SWEEPS = 24


@dataclass(frozen=True)
class Drawing:
    """Places of the boxes' centres, ways of the edges, and the size of all."""

    place: Mapping[str, Point]
    ways: Mapping[Edge, Sequence[Point]]
    """From the caller's centre to the callee's."""
    width: float
    height: float


def layered(nodes: Sequence[str], edges: Sequence[Edge]) -> Drawing:
    """Lay a graph out.

    Parameters
    ----------
    nodes
        In the order in which they would be listed; those that nothing calls begin.
    edges
        Caller and callee; both are among the nodes.
    """
    edges = [edge for edge in dict.fromkeys(edges) if edge[0] != edge[1]]
    down = _downwards(nodes, edges)
    depth = _depths(nodes, list(down.values()))
    layers: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        layers[depth[node]].append(node)
    chains: dict[Edge, list[Node]] = {}
    for edge, (upper, lower) in down.items():
        between: list[Node] = [(*edge, layer) for layer in range(depth[upper] + 1, depth[lower])]
        for joint in between:
            layers[int(joint[2])].append(joint)
        chains[edge] = [upper, *between, lower]
    links = [(a, b) for chain in chains.values() for a, b in pairwise(chain)]
    order = _ordered([layers[k] for k in sorted(layers)], links)
    x = _spread(order, links)
    y = {node: _BELOW * k + HIGH / 2 + 4 for k, layer in enumerate(order) for node in layer}
    ways = {}
    for edge, chain in chains.items():
        way = [(x[node], y[node]) for node in chain]
        ways[edge] = way if down[edge] == edge else way[::-1]
    place = {node: (x[node], y[node]) for node in nodes}
    width = max((at[0] for at in place.values()), default=0.0) + WIDE / 2 + 6
    return Drawing(place, ways, max(width, *(p[0] + 12 for way in ways.values() for p in way), 0.0) if ways else width,
                   _BELOW * max(len(order) - 1, 0) + HIGH + 8)  # fmt: skip


def _downwards(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[Edge, Edge]:
    """Each edge, turned round where it leads back to who is being visited."""
    below: dict[str, list[str]] = defaultdict(list)
    for caller, callee in edges:
        below[caller].append(callee)
    called = {callee for _, callee in edges}
    state: dict[str, int] = {}
    back: set[Edge] = set()
    for start in sorted(nodes, key=lambda node: node in called):
        ahead = [(start, iter(below[start]))] if start not in state else []
        state.setdefault(start, 1)
        while ahead:
            node, rest = ahead[-1]
            following = next(rest, None)
            if following is None:
                state[node] = 2
                ahead.pop()
            elif following not in state:
                state[following] = 1
                ahead.append((following, iter(below[following])))
            elif state[following] == 1:
                back.add((node, following))
    return {edge: edge[::-1] if edge in back else edge for edge in edges}


def _depths(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Layer of each node: one below the lowest of those above it."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for upper, lower in edges:
            depth[lower] = max(depth[lower], depth[upper] + 1)
    return depth


def _ordered(layers: list[list[Node]], links: Sequence[tuple[Node, Node]]) -> list[list[Node]]:
    """Layers in an order with few crossings."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers, links)
    up, down = _neighbours(links)
    order = [list(layer) for layer in layers]
    for sweep in range(_SWEEPS):
        towards, rows = (up, range(1, len(order))) if sweep % 2 == 0 else (down, range(len(order) - 2, -1, -1))
        for k in rows:
            rank = {node: place for layer in order for place, node in enumerate(layer)}
            order[k].sort(key=lambda node: _mean([rank[one] for one in towards[node]], rank[node]))
        crossings = _crossings(order, links)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in order], crossings
    return best


def _crossings(layers: Sequence[Sequence[Node]], links: Sequence[tuple[Node, Node]]) -> int:
    layer_of = {node: k for k, layer in enumerate(layers) for node in layer}
    rank = {node: place for layer in layers for place, node in enumerate(layer)}
    found = 0
    by_layer: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in links:
        by_layer[layer_of[a]].append((rank[a], rank[b]))
    for pairs in by_layer.values():
        found += sum((a - c) * (b - d) < 0 for k, (a, b) in enumerate(pairs) for c, d in pairs[:k])
    return found


def _neighbours(links: Sequence[tuple[Node, Node]]) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    up: dict[Node, list[Node]] = defaultdict(list)
    down: dict[Node, list[Node]] = defaultdict(list)
    for a, b in links:
        up[b].append(a)
        down[a].append(b)
    return up, down


def _spread(order: Sequence[Sequence[Node]], links: Sequence[tuple[Node, Node]]) -> dict[Node, float]:
    """Horizontal places, in the order of each layer, near the means of the neighbours."""
    up, down = _neighbours(links)
    x: dict[Node, float] = {}
    for layer in order:
        _place(layer, dict.fromkeys(layer, 0.0), x)
    for sweep in range(_SWEEPS):
        rows = order if sweep % 2 == 0 else order[::-1]
        for layer in rows:
            _place(layer, {node: _mean([x[one] for one in (*up[node], *down[node])], x[node]) for node in layer}, x)
    left = min((x[node] - _half(node) for node in x), default=0.0)
    return {node: at - left + 6 for node, at in x.items()}


def _place(layer: Sequence[Node], wanted: Mapping[Node, float], x: dict[Node, float]) -> None:
    """Put a layer as near as it can be to where its nodes want to be, in least squares: by joining those that would overlap."""
    blocks: list[tuple[float, int]] = []  # where the first node of each wants to be, and how many there are
    offset, offsets = 0.0, []
    for k, node in enumerate(layer):
        if k:
            offset += _half(layer[k - 1]) + _half(node) + (_APART if isinstance(node, str) else _ALONG) / 2
        offsets.append(offset)
        blocks.append((wanted[node] - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    starts = [at for at, count in blocks for _ in range(count)]
    for node, start, own in zip(layer, starts, offsets, strict=True):
        x[node] = start + own


def _half(node: Node) -> float:
    return WIDE / 2 if isinstance(node, str) else 2.0


def _mean(values: Sequence[float], nothing: float) -> float:
    return sum(values) / len(values) if values else nothing
