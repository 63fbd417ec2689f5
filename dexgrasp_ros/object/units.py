"""Units of mesh files: what a file states, and what its size says where it states none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from dexgrasp_ros.core.errors import ObjectError

# What a hand could hold lies well inside; what lies outside has most often another unit.
_LARGEST, _SMALLEST = 2.0, 0.002  # m
# A length [m] that few objects for a hand reach in their thinnest, or stay below in their longest.
_BULKY, _TINY = 0.25, 0.01
_UNITS = {'millimetres': 0.001, 'centimetres': 0.01, 'inches': 0.0254, 'metres': 1.0}  # m
# Metres by definition; what else they say of units is a note of whoever wrote them.
_IN_METRES = ('.glb', '.gltf')


def stated_unit(mesh: trimesh.Trimesh, path: Path, what: str) -> float:
    """Metres in the unit that a file states, as COLLADA and 3MF do; 1 where it states none.

    Parameters
    ----------
    mesh
        As trimesh read it.
    path
        The file, whose name tells the format.
    what
        Names the mesh in messages.

    Raises
    ------
    ObjectError
        INVALID_MESH: that is no unit of length.
    """
    if mesh.units is None or path.suffix.lower() in _IN_METRES:
        return 1.0
    try:
        unit = float(trimesh.units.unit_conversion(mesh.units, 'meters'))
    except ValueError:
        unit = np.nan
    if not (np.isfinite(unit) and unit > 0.0):
        raise ObjectError(
            f"{what} states its unit as '{mesh.units}'; expected a positive count of metres."
        )
    return unit


def check_size(mesh: trimesh.Trimesh, what: str, unit: float, scale: float) -> list[str]:
    """Warn of a mesh of a size that few objects have, and name the units that would fit.

    Parameters
    ----------
    mesh
        In metres, as far as is known.
    what
        Names the mesh in messages.
    unit, scale
        What its coordinates were multiplied with: the unit that the file states, and the user's.

    Raises
    ------
    ObjectError
        INVALID_MESH: no hand holds anything so large or so small.
    """
    longest, thinnest = float(mesh.extents.max()), float(mesh.extents.min())
    if not _SMALLEST <= longest <= _LARGEST:
        raise ObjectError(
            f'{what} is {longest:.4g} m long; expected {_SMALLEST} to {_LARGEST} m.'
            f'{_advice(longest, unit, scale)}'
        )
    if thinnest > _BULKY:
        size = f'at least {100 * thinnest:.3g} cm thick everywhere'
    elif longest < _TINY:
        size = f'no longer than {1e3 * longest:.3g} mm'
    else:
        return []
    return [f'The object is {size}.{_advice(longest, unit, scale)}']


def _advice(longest: float, unit: float, scale: float) -> str:
    """Scales with which a mesh that is now `longest` [m] would be as long as objects are."""
    others = {n: m / unit for n, m in _UNITS.items() if not np.isclose(m, unit * scale)}
    likely = [
        f'{name} (scale {factor:.4g} makes it {100 * longest * factor / scale:.3g} cm long)'
        for name, factor in others.items()
        if _TINY <= longest * factor / scale <= _LARGEST / 2
    ]
    if likely:
        return f' Perhaps its coordinates are {" or ".join(likely)}.'
    if _TINY <= 1000 * longest <= _LARGEST / 2:
        return f' Perhaps millimetres were scaled twice: scale {1000 * scale:.4g}.'
    return ''
