"""The tags of a template: the sandbox that fills them, and a look that says where a wrong one stands.

A template is read by people who know Word, not Jinja: what is wrong is named by its place on the page, with the nearest
right name. The look knows the fields from the values of an example and follows loops into the items of lists.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.environment import Environment
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hub.documents.latin import latin

_TAG = re.compile(r"\{\{(?:r\s)?(?P<shown>.*?)\}\}|\{%(?:tr|tc|[pr])?(?=[\s-])(?P<done>.*?)%\}|\{#.*?#\}", re.S)
_WORDS = re.compile(r"-?\s*(\w*)\s*(.*?)\s*-?", re.S)
_ANY = object()
"""A value of which the example says nothing: every field of it is allowed."""
_DEAD = "{dead}"
"""Marks a scope as an `if` whose condition the example does not meet."""
MOST = 20


class Text:
    """A value as XML text; docxtpl turns `{_{` into `{{` after filling, so that sign is written as a number."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __html__(self) -> str:
        return html.escape(str(self._value)).replace("_", "&#95;")


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox that compiles each part of a template once: that took two thirds of the time of filling one again."""

    def from_string(self, source: Any, globals: Any = None, template_class: Any = None) -> Any:  # noqa: A002, ARG002
        """Return the part of a template, ready to be filled."""
        if len(_compiled) > MOST_PARTS:
            _compiled.clear()
        code = _compiled.get(source) or _compiled.setdefault(source, self.compile(source))
        return self.template_class.from_code(self, code, self.make_globals(globals), None)


_compiled: dict[str, CodeType] = {}
MOST_PARTS = 200


def sandbox(values: Mapping[str, Any]) -> Environment:
    """Return what fills tags: no way to the program, an error for every unknown name, and texts that stay texts."""

    class Unknown(StrictUndefined):
        @property
        def _undefined_message(self) -> str:
            if self._undefined_hint:  # the sandbox says what is unsafe
                return str(self._undefined_hint)
            there = self._undefined_obj if isinstance(self._undefined_obj, Mapping) else values
            return f"it asks for `{self._undefined_name}`, which is not known. Known there: {_names(there)}."

    def shown(value: object) -> object:
        if value is None:
            return ""
        return value if hasattr(value, "__html__") else Text(value)

    environment = _Sandbox(autoescape=True, undefined=Unknown, finalize=shown)
    environment.filters["latin"] = latin
    return environment


def _names(known: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, known)))


def fields(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field of the values with its example, as it is written in a template; `lines[]` is a list."""
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from fields(value, f"{path}.")
        elif isinstance(value, list | tuple):
            if value and isinstance(value[0], Mapping):
                yield from fields(value[0], f"{path}[].")
            else:
                yield f"{path}[]", str(value[0]) if value else ""
        else:
            yield path, "" if value is None else str(value)


class Look:
    """One reading of a template's tags in their order."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.wrong: list[str] = []
        self._suspects: list[str] = []
        self._values = values
        self._known = [path for path, _ in fields(values)]
        self._environment = sandbox(values)
        self._scopes: list[tuple[str, dict[str, Any]]] = [("", {})]
        self._where = ""

    def read(self, text: str, place: str) -> None:
        """Look at the tags of one paragraph or cell."""
        rest, last = "", 0
        for tag in _TAG.finditer(text):
            rest += text[last : tag.start()]
            last = tag.end()
            self._where = f"{place}: {' '.join(tag[0].split())[:80]}"
            try:
                if tag["shown"] is not None:
                    self._expression(tag["shown"].strip("- \t\n"))
                elif tag["done"] is not None:
                    self._statement(tag["done"])
            except TemplateSyntaxError as error:
                self._say(f"it cannot be read: {error.message}")
        rest += text[last:]
        for sign in ("{{", "{%", "}}", "%}"):
            if sign in rest:
                self._where = f"{place}: {' '.join(rest[max(rest.index(sign) - 20, 0) :].split())[:60]}"
                self._say(f"a tag is not closed or not opened ({sign} stands alone)")
                return

    def end(self) -> None:
        """Say what is still open at the end of the template."""
        for where, _scope in self._scopes[1:]:
            self._where = where
            self._say("it is never closed")
        del self._scopes[1:]

    def verdict(self, trouble: str = "") -> str:
        """Return what is wrong; `trouble` is what the filling said, to be put beside the tags that may be meant."""
        if self.wrong:
            more = f" And {len(self.wrong) - MOST} more." if len(self.wrong) > MOST else ""
            return "; ".join(self.wrong[:MOST]) + more
        if trouble and self._suspects:
            return f"{trouble.rstrip('.')}. It is said by one of: {'; '.join(self._suspects[:5])}"
        return trouble

    def _say(self, what: str) -> None:
        words = f"{self._where}: {what.rstrip('.')}"
        if words not in self.wrong:
            self.wrong.append(words)

    def _unknown(self, what: str) -> None:
        """Say that a name is not known, unless it stands where the example shows nothing."""
        if not any(scope.get(_DEAD) for _where, scope in self._scopes):
            self._say(what)

    def _statement(self, text: str) -> None:
        found = _WORDS.fullmatch(text)
        word, rest = (found[1], found[2]) if found else ("", text)
        if word in ("for", "if"):
            self._open(word, rest)
        elif word in ("elif", "cellbg", "colspan"):
            self._expression(rest)
            self._scopes[-1][1].pop(_DEAD, None)
        elif word == "else":
            self._scopes[-1][1].pop(_DEAD, None)
        elif word in ("endfor", "endif"):
            if len(self._scopes) > 1:
                self._scopes.pop()
            else:
                self._say("nothing was opened that it could close")
        elif word in ("include", "import", "extends", "from"):
            self._say("a template loads no other files")
        elif word == "set":
            for node in self._environment.parse(f"{{% set {rest} %}}").find_all(nodes.Assign):
                self._bind(node.target, self._value(node.node))
        elif word not in ("hm", "vm", "raw", "endraw", "with", "endwith", "filter", "endfilter", "do"):
            self._say(f"there is no such statement{_perhaps(word, ('for', 'endfor', 'if', 'elif', 'else', 'endif'))}")

    def _open(self, word: str, rest: str) -> None:
        self._scopes.append((self._where, {}))
        if word == "if":
            condition = self._expression(rest)
            self._scopes[-1][1][_DEAD] = condition is not _ANY and not condition
            return
        tree = self._environment.parse(f"{{% for {rest} %}}{{% endfor %}}")
        if next(tree.find_all(nodes.Call), None):
            self._suspects.append(self._where)
        for node in tree.find_all(nodes.For):
            items = self._value(node.iter)
            self._scopes[-1][1]["loop"] = _ANY
            is_known = isinstance(items, Sequence) and not isinstance(items, str) and len(items) > 0
            self._bind(node.target, items[0] if is_known and isinstance(items, Sequence) else _ANY)
            if isinstance(node.test, nodes.Expr):
                self._value(node.test)

    def _bind(self, target: nodes.Node, value: Any) -> None:
        scope = self._scopes[-1][1]
        if isinstance(target, nodes.Name):
            scope[target.name] = value
        else:
            scope.update(dict.fromkeys((name.name for name in target.find_all(nodes.Name)), _ANY))

    def _expression(self, text: str) -> Any:
        """Look at an expression; return its value as far as the example says it."""
        tree = self._environment.parse(f"{{{{ {text} }}}}")
        for each in tree.find_all((nodes.Filter, nodes.Test)):
            is_filter = isinstance(each, nodes.Filter)
            known = self._environment.filters if is_filter else self._environment.tests
            if each.name not in known:
                self._say(f"there is no {'filter' if is_filter else 'test'} `{each.name}`{_perhaps(each.name, known)}")
        if next(tree.find_all(nodes.Call), None):
            self._suspects.append(self._where)
        for output in tree.find_all(nodes.Output):
            for node in output.nodes:
                return self._value(node)
        return _ANY

    def _value(self, node: nodes.Node) -> Any:
        """Return the example's value of an expression, `_ANY` where it says nothing; say what is not known."""
        if isinstance(node, nodes.Name):
            return self._name(node.name)
        if isinstance(node, nodes.Getattr):
            return self._field(self._value(node.node), node.attr, _written(node))
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._field(self._value(node.node), node.arg.value, _written(node))
        if isinstance(node, nodes.Const):
            return node.value
        if isinstance(node, nodes.Test) and node.name in ("defined", "undefined"):
            before, self.wrong = self.wrong, []
            self._value(node.node)
            is_defined, self.wrong = not self.wrong, before
            return is_defined == (node.name == "defined")
        if isinstance(node, nodes.Filter) and node.name in ("default", "d"):
            return _ANY
        for child in node.iter_child_nodes():
            self._value(child)
        return _ANY

    def _name(self, name: str) -> Any:
        for _where, scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        if name in self._values:
            return self._values[name]
        if name not in self._environment.globals:
            known = [*self._values, *(item for _where, scope in self._scopes for item in scope if item != _DEAD)]
            self._unknown(f"there is no `{name}`{_perhaps(name, known, self._known)}")
        return _ANY

    def _field(self, owner: Any, name: str, written: str) -> Any:
        if name.startswith("_"):
            self._say("it reaches into the program, which no template may")
            return _ANY
        if owner is _ANY:
            return _ANY
        if isinstance(owner, Mapping):
            if name in owner:
                return owner[name]
            if name not in ("items", "keys", "values", "get"):
                self._unknown(f"there is no `{written}`{_perhaps(name, owner, owner_name=written.rpartition('.')[0])}")
            return _ANY
        if isinstance(owner, Sequence) and not isinstance(owner, str):
            self._say(f"`{written.rpartition('.')[0]}` is a list: go through it with {{%tr for … in … %}}")
        elif not hasattr(owner, name):
            self._say(f"`{written.rpartition('.')[0]}` is a text and has no `{name}`")
        return _ANY


def _written(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_written(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return f"{_written(node.node)}.{node.arg.value}"
    return node.name if isinstance(node, nodes.Name) else "…"


def _perhaps(name: str, known: Iterable[object], others: Iterable[str] = (), *, owner_name: str = "") -> str:
    names = [str(it) for it in known]
    ends = [path for path in others if path.rpartition(".")[2] == name]
    if close := (get_close_matches(name, names, n=1) or ends):
        return f"; did you mean `{owner_name}{'.' if owner_name else ''}{close[0]}`?"
    return f"; known there: {_names(names[:40])}"
