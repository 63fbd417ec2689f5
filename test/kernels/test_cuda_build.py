"""Every kernel compiles for GPUs, and takes no more of them than is meant; no GPU is needed."""

from __future__ import annotations

import re

import cuda_build
import pytest
import warp as wp
from cuda_build import Resources

from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.kernels import closest, contact_solve, holding, kinematics, optimizer
from dexgrasp_ros.kernels.types import BLOCK

NEWEST = 90  # that limits are held for
# What compiles in a moment, and what the descent has to itself.
SMALL = (closest, contact_solve, holding, kinematics, optimizer)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('cuda')


@pytest.fixture(scope='module')
def ptxas():
    found = cuda_build.find_ptxas()
    if found is None:
        pytest.skip('there is no ptxas (pip install nvidia-cuda-nvcc)')
    return found


def launched(module) -> set[str]:
    return {k.key.rpartition('.')[2] for k in wp.get_module(module.__name__).kernels.values()}


def entries(ptx) -> set[str]:
    names = re.findall(r'\.entry (\w+)_[0-9a-f]{8}_cuda_kernel_forward', ptx.read_text('ascii'))
    return set(names)


def check(module, folder, ptxas) -> None:
    ptx = cuda_build.compile_module(module, NEWEST, folder)
    assert entries(ptx) == launched(module)
    found = cuda_build.read_resources(ptx, NEWEST, ptxas, BLOCK)
    assert {r.kernel for r in found} == launched(module)
    assert not list(cuda_build.excesses(found))


@pytest.mark.parametrize('module', SMALL, ids=lambda m: m.__name__.rpartition('.')[2])
def test_what_the_descent_takes(module, folder, ptxas):
    check(module, folder, ptxas)


@pytest.mark.slow
def test_what_all_kernels_take(folder, ptxas):
    for module in cuda_build.kernel_modules():
        if module not in SMALL:
            check(module, folder, ptxas)


@pytest.mark.slow
@pytest.mark.parametrize('arch', [a for a in cuda_build.ARCHITECTURES if a != NEWEST])
def test_other_architectures(arch, folder):
    """All kernels take a minute for the newest; `benchmark/cuda_build.py` compiles them."""
    for module in SMALL:
        assert entries(cuda_build.compile_module(module, arch, folder)) == launched(module)


@pytest.mark.parametrize(('form', 'start'), [('ptx', b'//'), ('cubin', b'\x7fELF')])
def test_both_outputs(form, start, tmp_path, monkeypatch):
    """Old drivers take cubin alone; `wp.config.cuda_output` asks for either."""
    start_warp()
    monkeypatch.setattr(wp.config, 'cuda_output', form)
    (path,) = wp.compile_aot_module(
        closest, arch=NEWEST, module_dir=tmp_path, use_ptx=form == 'ptx'
    )
    assert path.suffix == f'.{form}' and path.read_bytes().startswith(start)


def test_occupancy_by_hand():
    """64 warps, 65,536 registers in four parts, handed out by 256; 228 KB, 32 blocks."""

    def share(registers, shared=0, block=256):
        r = Resources(
            kernel='', registers=registers, stack=0, spilled=0, shared=shared, block=block
        )
        return r.occupancy

    assert share(32) == 1.0
    assert share(33) == 48 / 64  # 40 × 32 = 1,280: 12 warps in each part, 6 blocks of 8
    assert share(144) == 8 / 64  # 4,608: 3 warps in each part, one block of 8 of these 12
    assert share(144, block=64) == 12 / 64
    assert share(32, block=32) == 32 / 64  # no more than 32 blocks
    assert share(32, shared=48 * 1024) == 4 * 8 / 64  # 49 KB each


def test_what_is_over_a_limit_is_told():
    spilled = Resources(kernel='adam_step', registers=200, stack=0, spilled=8, shared=0, block=256)
    assert len(list(cuda_build.excesses([spilled]))) == 2
