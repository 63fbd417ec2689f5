"""What each kernel takes of a GPU, found by compiling for it: neither GPU nor driver is needed.

    .venv/bin/python benchmark/cuda_build.py [--arch 90] [--also 75 80 100] [--out FILE.md]

Warp compiles to PTX, and `ptxas` of the wheel ``nvidia-cuda-nvcc`` (or that on the PATH) tells of
each kernel registers, stack, spills and shared memory. *Occupancy* is the share of a
multiprocessor's 64 warps that registers, shared memory and blocks leave room for. For the
architectures of ``--also`` kernels are compiled only. The program ends with 1 where a kernel takes
more than `limit_of` says.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import tyro
import warp as wp
from markdown_tables import show, table

import dexgrasp_ros.kernels
from dexgrasp_ros.core.warp_loader import start_warp

ARCHITECTURES = (75, 80, 90, 100)
# Of one multiprocessor with compute capability 9.0 (CUDA C++ Programming Guide, "Technical
# Specifications per Compute Capability"; registers are handed out to warps, by 256).
_WARPS, _BLOCKS, _REGISTERS, _SHARED = 64, 32, 65_536, 228 * 1024
_PARTS, _GRAIN, _BLOCK_SHARED = 4, 256, 1024
_TOLD = re.compile(
    r'Function properties for (\w+?)(?:_[0-9a-f]{8})?_cuda_kernel_forward\n'
    r'\s+(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads\n'
    r'[^\n]*Used (\d+) registers([^\n]*)'
)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a thread of a kernel takes; `shared` is what its block does."""

    kernel: str
    registers: int
    stack: int  # bytes of local memory, those that spill among them
    spilled: int  # bytes that are stored or loaded for want of registers
    shared: int  # bytes
    block: int  # threads

    @property
    def occupancy(self) -> float:
        """Share of a multiprocessor's warps that can be there at once."""
        warps = -(-self.block // 32)
        a_warp = -(-32 * self.registers // _GRAIN) * _GRAIN
        by_registers = _PARTS * (_REGISTERS // _PARTS // a_warp) // warps
        by_shared = _SHARED // (self.shared + _BLOCK_SHARED)
        return min(_WARPS // warps, _BLOCKS, by_registers, by_shared) * warps / _WARPS


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a kernel may take; nothing may spill."""

    registers: int = 128  # half of the warps that 64 would leave room for
    stack: int = 0


# Sines of angles beyond some hundred thousand need room: a way that no hand goes.
_SINE = 32
# Warp's walk through a tree of boxes keeps its stack in local memory.
_TREE = Limit(registers=80, stack=320)
_LIMITS = {
    'adam_step': Limit(registers=32, stack=_SINE),
    'drive_hand': Limit(registers=40, stack=_SINE),
    'find_closest': Limit(registers=64, stack=128),
    'find_touch': Limit(registers=72),
    'forward_kinematics': Limit(registers=48, stack=_SINE),
    'measure_apart': Limit(registers=136),  # not in the descent
    'nearest': _TREE,
    'occluded': _TREE,
    'push_out_object': Limit(registers=96),
    'solve_contacts': Limit(registers=64),
    'step_dynamics': Limit(registers=80, stack=_SINE),
}


def limit_of(kernel: str) -> Limit:
    """Return what the kernel of a name may take."""
    return _LIMITS.get(kernel, Limit())


def kernel_modules() -> list[ModuleType]:
    """Return all modules of the package that have kernels."""
    package = dexgrasp_ros.kernels
    names = [m.name for m in pkgutil.iter_modules(package.__path__, f'{package.__name__}.')]
    modules = [importlib.import_module(name) for name in names]
    return [module for module in modules if wp.get_module(module.__name__).kernels]


def compile_module(module: ModuleType, arch: int, folder: Path) -> Path:
    """Compile a module's kernels, generic ones in the variants that are launched, to PTX.

    Raises
    ------
    RuntimeError
        It does not compile, or a generic kernel has no variant.
    """
    start_warp()
    kernels = wp.get_module(module.__name__).kernels.values()
    if bare := [k.key for k in kernels if k.is_generic and not k.overloads]:
        raise RuntimeError(f'Generic kernels without `wp.overload`: {", ".join(bare)}.')
    (path,) = wp.compile_aot_module(module, arch=arch, module_dir=folder, use_ptx=True)
    path.write_bytes(path.read_bytes().rstrip(b'\0'))  # a C string; ptxas stumbles at its end
    return path


def find_ptxas() -> str | None:
    """Path of `ptxas`, or None: that of the wheel, else the one on the PATH."""
    spec = importlib.util.find_spec('nvidia')
    folders = spec.submodule_search_locations if spec else None
    found = [str(p) for folder in folders or () for p in Path(folder).glob('*/bin/ptxas')]
    return found[0] if found else shutil.which('ptxas')


def read_resources(ptx: Path, arch: int, ptxas: str, block: int) -> list[Resources]:
    """Return what kernels take on an architecture, in blocks of so many threads."""
    command = [ptxas, f'-arch=sm_{arch}', '-v', '-o', '/dev/null', str(ptx)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return [
        Resources(
            kernel=name,
            registers=int(registers),
            stack=int(stack),
            spilled=int(stores) + int(loads),
            shared=_bytes(rest, 'smem'),
            block=block,
        )
        for name, stack, stores, loads, registers, rest in _TOLD.findall(told)
    ]


def _bytes(text: str, what: str) -> int:
    found = re.search(rf'(\d+) bytes {what}', text)
    return int(found[1]) if found else 0


def excesses(found: Iterable[Resources]) -> Iterator[str]:
    """Say of each kernel that takes more than it may, what and how much."""
    for r in found:
        limit = limit_of(r.kernel)
        for name, value, most in (
            ('registers', r.registers, limit.registers),
            ('bytes of stack', r.stack, limit.stack),
            ('spilled bytes', r.spilled, 0),
        ):
            if value > most:
                yield f'`{r.kernel}` takes {value} {name}; expected {most} at most'


def measure(arch: int, folder: Path, ptxas: str) -> Iterator[Resources]:
    """Compile all modules for an architecture, and yield what each kernel takes."""
    for module in kernel_modules():
        block = wp.get_module(module.__name__).options['block_dim']
        yield from read_resources(compile_module(module, arch, folder), arch, ptxas, block)


def resource_table(found: Iterable[Resources]) -> Iterator[str]:
    """Yield the lines of a table, the kernels with the most registers first."""
    head = ('kernel', 'registers', 'stack [B]', 'spilled [B]', 'shared [B]', 'block', 'occupancy')
    rows = (
        (f'`{r.kernel}`', r.registers, r.stack, r.spilled, r.shared, r.block, f'{r.occupancy:.0%}')
        for r in sorted(found, key=lambda r: (-r.registers, r.kernel))
    )
    return table(head, rows)


def main(
    *, arch: int = 90, also: tuple[int, ...] = (75, 80, 100), out: Path | None = None
) -> None:
    """Print the table; end with 1 where a limit is passed."""
    ptxas = find_ptxas()
    if ptxas is None:
        raise SystemExit("no ptxas; expected it from 'pip install nvidia-cuda-nvcc', or the PATH")
    with tempfile.TemporaryDirectory() as folder:
        found = list(measure(arch, Path(folder), ptxas))
        for other in also:
            for module in kernel_modules():
                compile_module(module, other, Path(folder))
    others = ', '.join(f'sm_{a}' for a in also)
    title = f'sm_{arch}, Warp {wp.config.version}; compiled for {others or "no other"} as well'
    show([title, '', *resource_table(found)], out)
    if problems := list(excesses(found)):
        raise SystemExit('\n'.join(problems))


if __name__ == '__main__':
    tyro.cli(main)
