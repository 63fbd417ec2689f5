"""A cage and a sphere that fits into it."""

from __future__ import annotations

import dataclasses
import importlib

import pytest
import trimesh
from in_process import shaken_elsewhere, shaken_here
from own_cache import make_cache
from toy_hands import RADIUS, cage_urdf

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.evaluation.protocols import Protocol, find_protocol
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object


@pytest.fixture(scope='session')
def cage() -> HandModel:
    return load_hand_text(cage_urdf())


@pytest.fixture(scope='package', autouse=True)
def own_cache(tmp_path_factory):
    """Convex pieces of test objects do not go to the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(make_cache(tmp_path_factory.mktemp('own'))))
        yield


@pytest.fixture(scope='module', autouse=True)
def in_this_process():
    """Only who asks for `processes` starts some: each costs seconds."""
    with shaken_here():
        yield


@pytest.fixture
def processes():
    """Shake in processes, as users do."""
    with shaken_elsewhere():
        yield


@pytest.fixture(scope='package')
def sphere(own_cache):
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=RADIUS)
    return load_object((mesh.vertices, mesh.faces))


@pytest.fixture
def quick_shakes(monkeypatch):
    """Shake with short pulls."""

    def brief(name: str) -> Protocol:
        return dataclasses.replace(find_protocol(name), pull_time=0.1)

    # Modules by their names, since the package has a function of the same name as one.
    for name in ('evaluate', 'verify'):
        module = importlib.import_module(f'dexgrasp_ros.evaluation.{name}')
        monkeypatch.setattr(module, 'find_protocol', brief)
