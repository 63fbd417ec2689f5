"""Whether a piece of Python names what there is: nothing of it runs but its imports.

What a name stands for is followed from imports through calls, attributes and the annotations of
this package; where that ends, nothing is said. So it is told of a function, a method, an attribute
or an argument that has another name now, and of a file of the package that is not there.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import typing
from dataclasses import dataclass
from types import FunctionType
from typing import Any

OURS = ('dexgrasp_ros', 'dexgrasp_msgs')


@dataclass(frozen=True)
class Known:
    """What an expression gives: an object that there is."""

    thing: Any


@dataclass(frozen=True)
class Instance:
    """What an expression gives: something of a class."""

    kind: type


def complaints(source: str, *, optional: bool = False) -> list[str]:
    """What of some code is not there; with `optional`, other people's modules may be absent."""
    reader = _Reader(optional)
    for statement in ast.parse(source).body:
        reader.visit(statement)
    return reader.complaints


class _Reader(ast.NodeVisitor):
    """Goes through statements in their order; `visit` of an expression returns what it gives."""

    def __init__(self, optional: bool) -> None:
        self.complaints: list[str] = []
        self._optional, self._names = optional, {}

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            found = self._module(alias.name)
            root = alias.name.partition('.')[0]
            self._names[alias.asname or root] = found if alias.asname else self._module(root)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self._module(node.module)
        for alias in node.names:
            found = self._attribute(module, alias.name)
            if found is None and module is not None:
                found = self._module(f'{node.module}.{alias.name}')
            self._names[alias.asname or alias.name] = found

    def visit_Assign(self, node: ast.Assign) -> None:
        value = self.visit(node.value)
        for target in node.targets:
            self._bind(target, value)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._bind(node.target, None)
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            value = self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, self._entered(value))
        for statement in node.body:
            self.visit(statement)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        kind = self.visit(node.type) if node.type else None
        is_class = isinstance(kind, Known) and isinstance(kind.thing, type)
        self._names[node.name] = Instance(kind.thing) if is_class else None
        for statement in node.body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._names[node.name] = None
        for argument in node.args.args:
            self._names[argument.arg] = None
        for statement in node.body:
            self.visit(statement)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for argument in node.args.args:
            self._names[argument.arg] = None
        self.visit(node.body)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)
        self._bind(node.target, None)
        for condition in node.ifs:
            self.visit(condition)

    def visit_ListComp(self, node: Any) -> None:
        for generator in node.generators:
            self.visit(generator)
        for part in ('key', 'value', 'elt'):
            if hasattr(node, part):
                self.visit(getattr(node, part))

    visit_DictComp = visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_Name(self, node: ast.Name) -> Known | Instance | None:
        if node.id in self._names:
            return self._names[node.id]
        if hasattr(builtins, node.id):
            return Known(getattr(builtins, node.id))
        self.complaints.append(f'nothing is called {node.id}')
        return None

    def visit_Attribute(self, node: ast.Attribute) -> Known | Instance | None:
        value = self.visit(node.value)
        found = self._attribute(value, node.attr)
        if found is None and value is not None and not _has(value, node.attr):
            self.complaints.append(f'{ast.unparse(node.value)} has no {node.attr}')
        return found

    def visit_Call(self, node: ast.Call) -> Known | Instance | None:
        called = self.visit(node.func)
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            self.visit(keyword.value)
        if not isinstance(called, Known) or not _is_ours(called.thing):
            return None
        problem = _misfit(called.thing, node)
        if problem:
            self.complaints.append(f'{ast.unparse(node)}: {problem}')
        return _result(called.thing)

    def _module(self, name: str | None) -> Known | None:
        try:
            return Known(importlib.import_module(name or ''))
        except ImportError as error:
            if not self._optional or (name or '').startswith(OURS):
                self.complaints.append(str(error))
            return None

    def _bind(self, target: ast.expr, value: Known | Instance | None) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self._names[node.id] = value if node is target else None

    def _attribute(self, value: Known | Instance | None, name: str) -> Known | Instance | None:
        """What an attribute is, as far as that is known."""
        if isinstance(value, Known):
            return Known(getattr(value.thing, name)) if hasattr(value.thing, name) else None
        if isinstance(value, Instance):
            found = inspect.getattr_static(value.kind, name, None)
            if isinstance(found, property):
                return _result(found.fget)
            if isinstance(found, FunctionType):
                return Known(found.__get__(object()))
            return _instance(_hints(value.kind).get(name))
        return None

    def _entered(self, value: Known | Instance | None) -> Known | Instance | None:
        if isinstance(value, Instance) and hasattr(value.kind, '__enter__'):
            return _result(value.kind.__enter__) or value
        return None


def _is_ours(thing: Any) -> bool:
    return str(getattr(thing, '__module__', '')).startswith(OURS)


def _has(value: Known | Instance, name: str) -> bool:
    """Whether there is such an attribute, also of an instance whose constructor makes it."""
    if isinstance(value, Known):
        return hasattr(value.thing, name)
    if hasattr(value.kind, name) or name in _hints(value.kind) or not _is_ours(value.kind):
        return True
    return any(f'self.{name}' in inspect.getsource(k) for k in value.kind.__mro__ if _is_ours(k))


def _misfit(called: Any, node: ast.Call) -> str:
    """Why something cannot be called so; nothing where it can, or nobody knows."""
    if called.__name__ == 'find_resource':
        try:
            called(ast.literal_eval(node.args[0]))
        except Exception as error:
            return str(error)
    keywords = [k.arg for k in node.keywords if k.arg]
    if hasattr(called, 'get_fields_and_field_types'):  # a message
        wrong = set(keywords) - set(called.get_fields_and_field_types())
        return f'no field {", ".join(wrong)}' if wrong else ''
    if any(isinstance(a, ast.Starred) for a in node.args) or len(keywords) < len(node.keywords):
        return ''
    try:
        inspect.signature(called).bind(*node.args, **dict.fromkeys(keywords))
    except TypeError as error:
        return str(error)
    return ''


def _result(called: Any) -> Known | Instance | None:
    """What a call gives, by its annotation."""
    if isinstance(called, type):
        return Instance(called)
    return _instance(_hints(called).get('return'))


def _instance(hint: Any) -> Instance | None:
    return Instance(hint) if isinstance(hint, type) and _is_ours(hint) else None


def _hints(thing: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(thing)
    except (NameError, TypeError, AttributeError):  # of names that only type checkers import
        return dict.fromkeys(getattr(thing, '__annotations__', {}))
