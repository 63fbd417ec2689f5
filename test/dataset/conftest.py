"""Datasets that are made once in a run of the tests, and read by many of them."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from generate_runs import generate, write_meshes
from inline_work import InlineExecutor, inline_work
from small_dataset import make_small_dataset

from dexgrasp_ros.dataset.layout import DatasetLayout


@pytest.fixture(scope='session', autouse=True)
def ray_that_is_not_nice() -> Iterator[None]:
    """Let Ray's workers have their share of the cores: beside other tests nice ones get none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RAY_worker_niceness', '0')
        yield


@pytest.fixture
def inline() -> Iterator[None]:
    """Let the test's work be done in its own process."""
    with inline_work():
        yield


@pytest.fixture(scope='session')
def small_dataset(made_once) -> DatasetLayout:
    """Two hands, a box and a can, and a third object that cannot be read; tests only read it."""
    return DatasetLayout(made_once('small_dataset', make_small_dataset) / 'small')


@pytest.fixture
def copied_dataset(small_dataset: DatasetLayout, tmp_path: Path) -> DatasetLayout:
    """One that a test may spoil."""
    shutil.copytree(small_dataset.root, tmp_path / 'copy')
    return DatasetLayout(tmp_path / 'copy')


@pytest.fixture(scope='session')
def undisturbed(made_once) -> tuple[Path, dict]:
    """Dataset of a run that nothing happened to, and what it printed; tests only read it."""

    def make(folder: Path) -> None:
        code, report, said = generate(write_meshes(folder / 'meshes'), folder / 'set')
        assert code == 0, said
        (folder / 'report.json').write_text(json.dumps(report))
        (folder / 'units').write_bytes(pickle.dumps(InlineExecutor.known))

    folder = made_once('undisturbed', make)
    InlineExecutor.known.update(pickle.loads((folder / 'units').read_bytes()))
    return folder / 'set', json.loads((folder / 'report.json').read_text())


@pytest.fixture
def objects(undisturbed: tuple[Path, dict]) -> Path:
    """Meshes that it was made from."""
    return undisturbed[0].parent / 'meshes'


@pytest.fixture
def copied(undisturbed: tuple[Path, dict], tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return shutil.copytree(undisturbed[0], tmp_path / 'set')
