"""Packages whose names are imported when they are first used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import dexgrasp_ros
from dexgrasp_ros.core.lazy import lazy_names

PACKAGE = Path(dexgrasp_ros.__file__).parent
LAZY = sorted(f for f in PACKAGE.rglob('__init__.py') if 'lazy_names(' in f.read_text('utf-8'))


def names_by_module(statements, package):
    return {
        node.module.removeprefix(f'{package}.'): tuple(alias.name for alias in node.names)
        for node in statements
    }


@pytest.mark.parametrize('file', LAZY, ids=lambda f: f.parent.name)
def test_type_checkers_see_the_names_that_there_are(file):
    package = '.'.join(file.parent.relative_to(PACKAGE.parent).parts)
    tree = ast.parse(file.read_text('utf-8'))
    (checked,) = (node.body for node in tree.body if isinstance(node, ast.If))
    (call,) = (n for n in ast.walk(tree) if isinstance(n, ast.Call))
    homes = ast.literal_eval(call.args[1])
    assert names_by_module(checked, package) == homes
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(name for names in homes.values() for name in names)
    pytest.importorskip('trimesh', reason='trimesh is not installed (colcon test)')
    for home, names in homes.items():
        for name in names:
            found = getattr(importlib.import_module(f'{package}.{home}'), name)
            assert getattr(module, name) is found
            assert name in dir(module)


def test_the_packages_that_take_long_are_lazy():
    assert {f.parent.name for f in LAZY} == {
        'dataset',
        'dexgrasp_ros',
        'hand',
        'learning',
        'motion',
        'object',
        'perception',
        'simulation',
    }


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A lazy package of one module, which has the same name as what it holds."""
    folder = tmp_path / 'lazy_example'
    folder.mkdir()
    (folder / '__init__.py').write_text(
        'from dexgrasp_ros.core.lazy import lazy_names\n'
        "__getattr__, __dir__ = lazy_names(__name__, {'walk': ('walk', 'run')})\n"
    )
    (folder / 'walk.py').write_text('def walk():\n    return 1\n\n\ndef run():\n    return 2\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module('lazy_example')
    for name in [n for n in sys.modules if n.startswith('lazy_example')]:
        del sys.modules[name]


def test_a_name_is_imported_when_it_is_used(package):
    assert 'lazy_example.walk' not in sys.modules
    assert {'walk', 'run'} <= set(dir(package))
    assert package.run() == 2
    assert 'lazy_example.walk' in sys.modules


def test_a_name_is_not_hidden_by_the_module_that_it_stands_in(package):
    assert [package.walk(), package.walk()] == [1, 1]


def test_other_names_there_are_not(package):
    with pytest.raises(AttributeError, match="'lazy_example' has no attribute 'fly'"):
        _ = package.fly
    get, names = lazy_names('lazy_example', {})
    with pytest.raises(AttributeError):
        get('walk')
    assert '__name__' in names()


@pytest.mark.parametrize('part', ['dataset', 'hand', 'object', 'perception', 'simulation'])
def test_a_package_alone_loads_no_library(part):
    script = (
        f'import sys, dexgrasp_ros.{part}\n'
        "print(*sys.modules.keys() & {'numpy', 'scipy', 'trimesh', 'warp'})\n"
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ''), done.stderr
