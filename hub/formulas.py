"""Formulas as people write them: figures by name, numbers, + - * /, brackets, min and max. Nothing else is read.

`×`, `÷` and `−` mean `*`, `/` and `-`. Numbers are decimals, so `0.03` is exactly three hundredths.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from types import MappingProxyType
from typing import Any

from hub.yaml_text import nearest

MOST_SIGNS = 300
MOST_DEPTH = 40

FIGURES: Mapping[str, str] = MappingProxyType({
    "base_fee": "monthly fees of the clients at the beginning of the period",
    "won_fee": "monthly fees of the clients who came",
    "lost_fee": "monthly fees of the clients who left",
    "growth": "won_fee less lost_fee",
    "polls": "surveys that the employee took",
    "deals_sum": "contracts of the clients who came, by monthly fee or by total (`reports.deals`)",
    "satisfied_sales": "payments of clients who gave a positive review in the period",
    "object_profit": "profit of objects that were closed",
    "percent": "share of the object's type (`reports.object_percent`), 0.1 is ten percent",
    "promoters": "answers of 9 and 10",
    "critics": "answers of 0 to 6",
    "n": "all answers with a score",
    "contracts": "prospects who signed",
    "prospects": "prospects who were decided or are on the way",
})  # fmt: skip
"""What a formula may name, and what it means."""

SHIPPED: Mapping[str, str] = MappingProxyType({
    "probation_pay": "max(polls * 30, deals_sum)",
    "manager_pay": "base_fee * 0.03 + won_fee - lost_fee * 0.5",
    "key_manager_pay": "70000 + max(won_fee - lost_fee, 0)",
    "nps": "100 * promoters / n - 100 * critics / n",
    "funnel": "contracts / prospects",
    "object_bonus": "object_profit * percent",
})  # fmt: skip
"""Formulas that are there without configuration: S000-19…22, S001-18, S002-22, S002-43, S004-26."""

_SPELT = str.maketrans("×÷−", "*/-")
_NUMBER = re.compile(r"\d[\d_]*(\.\d+)?", re.ASCII)
_OPERATORS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
}
_CALLS: dict[str, Callable[..., Decimal]] = {"min": min, "max": max}
_Step = Callable[[Mapping[str, Decimal]], Decimal]


class FormulaError(ValueError):
    """A formula that cannot be read; the message tells at which character and why."""

    def __init__(self, place: int, message: str) -> None:
        super().__init__(f"character {place + 1}: {message}")


class Formula:
    """A formula that was read. Raises FormulaError for anything that is not plain arithmetic over the figures."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self.names: set[str] = set()
        self._source = self.text.translate(_SPELT)
        if len(self._source) > MOST_SIGNS:
            raise FormulaError(MOST_SIGNS, f"a formula has at most {MOST_SIGNS} characters.")
        odd = next(
            (place for place, sign in enumerate(self._source) if not (sign.isascii() and sign.isprintable())), -1
        )
        if odd >= 0:
            raise FormulaError(odd, f"{self._source[odd]!r} has no meaning here; figures have English names.")
        try:
            tree = ast.parse(self._source, mode="eval")
        except SyntaxError as error:
            raise FormulaError(
                max(0, (error.offset or 1) - 1), "this is no formula; check brackets and signs."
            ) from None
        except (RecursionError, MemoryError):
            raise FormulaError(0, "nested too deep.") from None
        self._step = self._read(tree.body, 0)

    def result(self, figures: Mapping[str, Decimal | int]) -> Decimal | None:
        """Return the result, or `None` where it cannot be computed, such as a share of nothing.

        Raises KeyError for a figure that is not given.
        """
        try:
            return self._step({name: Decimal(figures[name]) for name in self.names})
        except DecimalException:
            return None

    def _read(self, node: ast.expr, depth: int) -> _Step:
        if depth > MOST_DEPTH:
            raise FormulaError(node.col_offset, f"nested deeper than {MOST_DEPTH} levels.")
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name(id=name):
                return self._figure(name, node.col_offset)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._read(operand, depth + 1)
                return lambda figures: -inner(figures)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self._pair(_OPERATORS[type(op)], self._read(left, depth + 1), self._read(right, depth + 1))
            case ast.Call(func=ast.Name(id=("min" | "max") as name), args=[_, _, *_] as args, keywords=[]):
                return self._call(_CALLS[name], [self._read(each, depth + 1) for each in args])
            case ast.Call(func=ast.Name(id=("min" | "max") as name)):
                raise FormulaError(node.col_offset, f"{name} takes two values or more, separated by commas.")
        raise FormulaError(node.col_offset, "only figures, numbers, + - * / ( ), min and max are allowed.")

    def _number(self, node: ast.Constant) -> _Step:
        written = self._source[node.col_offset : node.end_col_offset]
        if not _NUMBER.fullmatch(written):
            raise FormulaError(node.col_offset, f"{written[:20]!r} is no number such as 70000 or 0.03.")
        number = Decimal(written.replace("_", ""))
        return lambda _figures: number

    def _figure(self, name: str, place: int) -> _Step:
        if name not in FIGURES:
            raise FormulaError(place, f"there is no figure {name!r}. {nearest(name, list(FIGURES))}")
        self.names.add(name)
        return lambda figures: figures[name]

    @staticmethod
    def _pair(operator: Callable[[Decimal, Decimal], Decimal], left: _Step, right: _Step) -> _Step:
        return lambda figures: operator(left(figures), right(figures))

    @staticmethod
    def _call(function: Callable[..., Any], steps: list[_Step]) -> _Step:
        return lambda figures: function(*(step(figures) for step in steps))
