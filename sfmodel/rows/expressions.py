"""The language of rows and stories: arithmetic over measures of a run, written as one would say it.

    mean(endpoint[gateway.recommendations])
    quantile(call["engine.*>llm.*"], 0.5)
    share(endpoint[gateway.recommendations], timeout, rejected) + share(call["*>llm.*"], timeout)
    rate(users_requests - users_retries)
    60 * rate(limiter_refused[llm.quota])

A *thing* is a dimension of the dataset with labels in brackets; without brackets all of it is meant, several labels
are taken together, `*` stands for any text (then in quotes), and a label without # means all replicas or call sites of
that name. A *variable* of the dataset, with labels in brackets or without, is summed over everything but time. What is
written is parsed by Python's own parser; only numbers, + - * /, names, brackets and the functions of `FUNCTIONS` are
let through. The value of an expression is one number for each window, or for each request that took a path.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError, NotInRunError, nearest
from sfmodel.rows.functions import FUNCTIONS
from sfmodel.rows.windows import THINGS, Thing, Windows, fits

if TYPE_CHECKING:
    import xarray as xr

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Expression:
    """A parsed expression.

    Parameters
    ----------
    text
        As written.

    Raises
    ------
    ValueError
        It is no expression of the language; the message says what was found and what was expected.
    """

    def __init__(self, text: str) -> None:
        """Parse and check everything that can be checked without a dataset."""
        self.text = " ".join(str(text).split())
        try:
            self._tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, RecursionError, MemoryError):
            raise ValueError(
                f"expected an expression such as 'mean(endpoint[web.get])', found '{self.text[:200]}'"
            ) from None
        self._check(self._tree)

    def __call__(self, windows: Windows) -> xr.DataArray | float:
        """Compute the value in each window.

        Raises
        ------
        NotInRunError
            A label, a variable or a name that this run does not have.
        ConfigError
            A measure of a thing that has no such.
        """
        try:
            value = self._value(self._tree, windows)
        except RecursionError:
            raise ConfigError(f"'{self.text[:200]}' is defined by itself, or nested too deeply") from None
        if isinstance(value, str):
            raise ConfigError(f"expected a measure such as mean(endpoint), found the text '{value}'")
        if isinstance(value, Thing):
            raise ConfigError(f"'{self.text}' names a {value.dim} and no measure of it, such as mean({self.text})")
        return value

    @property
    def is_beside(self) -> bool:
        """Whether it needs the paired run."""
        return self._calls_any_of("base", "pairs", "story")

    @property
    def follows_trigger(self) -> bool:
        """Whether it asks what became of a trigger."""
        return self._calls_any_of("pairs", "story")

    @property
    def awaits(self) -> bool:
        """Whether it asks when something happens after a trigger."""
        return self._calls_any_of("run")

    @property
    def is_told(self) -> bool:
        """Whether it needs the platform's stories."""
        return self._calls_any_of("story")

    @property
    def is_of_requests(self) -> bool:
        """Whether it needs requests that were traced."""
        return self._calls_any_of("path")

    def _calls_any_of(self, *kinds: str) -> bool:
        calls = (node.func.id for node in ast.walk(self._tree) if isinstance(node, ast.Call))  # type: ignore[attr-defined]
        return any(FUNCTIONS[name].of in [(kind,) for kind in kinds] for name in calls)

    def _check(self, node: ast.AST) -> None:
        """Refuse everything that is not of the language."""
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
            if name not in FUNCTIONS:
                raise ValueError(f"there is no function '{name}'; {nearest(name, FUNCTIONS)}")
            if node.keywords:
                raise ValueError(f"{name}: expected arguments without names, found '{node.keywords[0].arg}='")
            FUNCTIONS[name].check(name, node.args)
            for argument in node.args:
                self._check(argument)
        elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            self._check(node.left)
            self._check(node.right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self._check(node.operand)
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            for label in _listed(node.slice):
                _word(label)
        elif not isinstance(node, ast.Name | ast.Attribute) and not _is_constant(node):
            raise ValueError(
                f"expected numbers, + - * /, names, labels in brackets and functions, found '{ast.unparse(node)}'"
            )

    def _value(self, node: ast.AST, windows: Windows) -> Any:
        if isinstance(node, ast.Call):
            return self._called(node.func.id, node.args, windows)  # type: ignore[attr-defined]
        if isinstance(node, ast.BinOp):
            left, right = self._number(node.left, windows), self._number(node.right, windows)
            with np.errstate(divide="ignore", invalid="ignore"):
                return _OPERATORS[type(node.op)](left, right)
        if isinstance(node, ast.UnaryOp):
            return -self._number(node.operand, windows)
        if isinstance(node, ast.Subscript):
            return _named(node.value.id, [_word(label) for label in _listed(node.slice)], windows)  # type: ignore[attr-defined]
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else np.float64(node.value)  # type: ignore[arg-type]
        return _named(_word(node), [], windows)

    def _number(self, node: ast.AST, windows: Windows) -> Any:
        value = self._value(node, windows)
        if isinstance(value, Thing | str):
            found = ast.unparse(node)
            raise ConfigError(f"expected a number or a measure such as mean({found}), found '{found}'")
        return value

    def _called(self, name: str, nodes: list[ast.expr], windows: Windows) -> Any:
        function = FUNCTIONS[name]
        if function.of == ("series",):
            return function.apply(windows, [self._number(node, windows) for node in nodes])
        if function.of == ("base",):
            beside = [] if windows.base is None else [self._number(nodes[0], windows.base)]
            return function.apply(windows, beside)
        if function.of == ("run",):
            return function.apply(windows, [_as_array(self._number(node, windows.as_recorded)) for node in nodes])
        if function.of == ("pairs",):
            pair = windows.pair
            runs = () if pair is None else (pair.run, pair.base)
            pairs = [tuple(_as_array(self._number(node, one)) for one in runs) for node in nodes]
            return function.apply(windows, pairs)
        words = [node.value if isinstance(node, ast.Constant) else _word(node) for node in nodes[1:]]
        if function.of in (("path",), ("story",)):
            return function.apply(windows, [_word(nodes[0]), *words])
        thing = self._value(nodes[0], windows)
        if not isinstance(thing, Thing) or thing.dim not in function.of:
            expected = " or ".join(f"{dim}[…]" for dim in function.of)
            raise ConfigError(f"{name}: expected {expected}, found '{ast.unparse(nodes[0])}'")
        return function.apply(windows, [thing, *words])


def _as_array(value: Any) -> NDArray[np.float64]:
    return np.asarray(getattr(value, "values", value), float)


def _named(name: str, labels: list[str], windows: Windows) -> Any:
    """What a name with labels stands for: a thing, a variable, the width of the windows, a definition."""
    ds = windows.ds
    if name in THINGS:
        if name not in ds.coords:
            raise NotInRunError(f"this run has no {name}")
        every = tuple(str(label) for label in ds[name].values)
        return Thing(name, _matching(name, every, labels) if labels else every)
    if name in windows.defined and not labels:
        return windows.defined[name](windows)
    if name == "seconds" and not labels:
        return windows.seconds
    if name not in ds.data_vars:
        valid = [*THINGS, *map(str, ds.data_vars), *windows.defined, "seconds"]
        raise NotInRunError(f"there is no '{name}'; {nearest(name, valid)}")
    return windows.variable(name, _by_dimension(name, labels, ds))


def _by_dimension(variable: str, labels: list[str], ds: xr.Dataset) -> dict[str, tuple[str, ...]]:
    """Labels by the dimension of the variable that has them."""
    chosen: dict[str, tuple[str, ...]] = {}
    dims = [str(dim) for dim in ds[variable].dims if dim not in ("time", "latency")]
    every = {dim: tuple(str(label) for label in ds[dim].values) for dim in dims}
    for label in labels:
        dim = next((dim for dim in dims if any(fits(one, label) for one in every[dim])), None)
        if dim is None:
            valid = [one for dim in dims for one in every[dim]]
            raise NotInRunError(f"{variable} has no label '{label}'; {nearest(label, valid)}")
        chosen[dim] = (*chosen.get(dim, ()), *_matching(dim, every[dim], [label]))
    return chosen


def _matching(dim: str, every: tuple[str, ...], patterns: list[str]) -> tuple[str, ...]:
    for pattern in patterns:
        if not any(fits(label, pattern) for label in every):
            raise NotInRunError(f"there is no {dim} '{pattern}'; {nearest(pattern, every)}")
    return tuple(label for label in every if any(fits(label, pattern) for pattern in patterns))


def _listed(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float, str)


def _word(node: ast.AST) -> str:
    """A name with dots, or a text in quotes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_word(node.value)}.{node.attr}"
    raise ValueError(
        f"expected a name, in quotes if it has other signs than letters and dots, found '{ast.unparse(node)}'"
    )
