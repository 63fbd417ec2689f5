"""A cage and a sphere that fits into it."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trimesh
from toy_hands import RADIUS, cage_urdf

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.evaluation.protocols import Protocol, find_protocol
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object


@pytest.fixture(scope='session')
def cage() -> HandModel:
    return load_hand_text(cage_urdf())


@pytest.fixture(scope='session', autouse=True)
def own_cache(tmp_path_factory):
    """Convex pieces of test objects do not go to the user's cache; compiled kernels do.

    Warp would take the folder for its own too, and every process that is started from here on
    would compile all kernels again.
    """
    usual = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'warp'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('WARP_CACHE_PATH', os.environ.get('WARP_CACHE_PATH', str(usual)))
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='session')
def sphere(own_cache):
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=RADIUS)
    return load_object((mesh.vertices, mesh.faces))


@pytest.fixture
def quick_shakes(monkeypatch):
    """Shake in this process, with short pulls: to start others takes longer than a few grasps."""

    def brief(name: str) -> Protocol:
        return dataclasses.replace(find_protocol(name), pull_time=0.1)

    def run(function: str, shared: tuple, tasks: Any, **_: Any) -> Iterator[tuple[int, Any]]:
        module, _, name = function.partition(':')
        work = getattr(importlib.import_module(module), name)
        return ((n, work(*shared, task)) for n, task in enumerate(tasks))

    # Modules by their names, since the package has a function of the same name as one.
    for name in ('evaluate', 'verify'):
        module = importlib.import_module(f'dexgrasp_ros.evaluation.{name}')
        monkeypatch.setattr(module, 'find_protocol', brief)
    monkeypatch.setattr(sys.modules['dexgrasp_ros.evaluation.evaluate'], 'run_tasks', run)
