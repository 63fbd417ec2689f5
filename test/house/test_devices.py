"""What is allocated or launched names its device: with 'cuda:1' nothing may go to 'cuda:0'."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / 'dexgrasp_ros'
# Functions of Warp that take the current device where none is named.
TAKE_DEVICE = {
    *('array', 'empty', 'full', 'launch', 'load_module', 'ones', 'zeros'),
    *('synchronize_device', 'synchronize_stream', 'ScopedCapture'),
}


def unnamed(text: str) -> list[int]:
    """Lines with a call that leaves the device to Warp; annotations are none."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == 'wp'
        and node.func.attr in TAKE_DEVICE
        and not any(k.arg == 'device' for k in node.keywords)
        and not (node.func.attr.startswith('synchronize') and node.args)
    ]


FILES = [
    path
    for path in sorted(PACKAGE.rglob('*.py'))
    if path.parent.name != 'kernels' and 'wp.' in path.read_text(encoding='utf-8')
]


@pytest.mark.parametrize('path', FILES, ids=lambda p: p.stem)
def test_it_is_named(path):
    assert unnamed(path.read_text(encoding='utf-8')) == []


def test_the_test_finds_it():
    assert unnamed('x = wp.zeros(3)\ny = wp.zeros(3, device=d)\nwp.synchronize_stream(d)') == [1]
