"""What the ROS 2 after Kilted deprecates or has taken away is not used."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Of Lyrical, where sets in fields that are arrays warn, and of its ament_cmake.
SETS = (ast.Set, ast.SetComp)
GONE = 'ament_target_dependencies'


def sets_given(source: str) -> list[int]:
    """Lines where a set is handed to a field: as a keyword of what is named like a class, or by
    assignment to an attribute that is public."""
    found = []
    for node in ast.walk(ast.parse(source)):
        given = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
            given = [k.value for k in node.keywords] if name[:1].isupper() else []
        elif isinstance(node, ast.Assign):
            fields = [t for t in node.targets if isinstance(t, ast.Attribute)]
            given = [node.value] if any(t.attr[0] != '_' for t in fields) else []
        found += [value.lineno for value in given if is_set(value)]
    return sorted(found)


def is_set(value: ast.expr) -> bool:
    called = isinstance(value, ast.Call) and getattr(value.func, 'id', '')
    return isinstance(value, SETS) or called in ('set', 'frozenset')


@pytest.mark.parametrize('folder', ['bridge', 'nodes'])
def test_no_set_is_handed_to_a_message(folder):
    paths = (ROOT / 'dexgrasp_ros' / folder).rglob('*.py')
    found = {p.relative_to(ROOT): sets_given(p.read_text(encoding='utf-8')) for p in paths}
    assert found and {path: lines for path, lines in found.items() if lines} == {}


def test_such_sets_are_seen():
    source = 'Request(labels={1, 2})\nm.names = set(x)\nf(a={1})\nself._s = set()'
    assert sets_given(source) == [1, 2]


def test_no_macro_that_is_gone_is_called():
    files = ['CMakeLists.txt', 'msg/CMakeLists.txt', 'test/client_package/CMakeLists.txt']
    assert [f for f in files if GONE in (ROOT / f).read_text(encoding='utf-8')] == []
