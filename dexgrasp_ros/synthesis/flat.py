"""Things that lie flat: lower on their table than fingers can take hold of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.object_model import ObjectModel

# A fingertip of radius r that keeps a gap g to the table meets the upper edge of a thing of height
# h at sin a = (r + g - h)/r below the horizontal. It holds within the angle of friction, at 0.4
# for h ≥ 0.63 r + g: 7 to 10 mm for fingertips of 16 to 24 mm and the 2 mm of a pre-grasp.
LEAST_HEIGHT = 0.008  # m
# What such a thing's candidates fall to: no side to hold it by.
_OF_FLATNESS = ('residual', 'contacts', 'penetration', 'environment', 'lost_contacts')


def height_on_table(obj: ObjectModel) -> float:
    """How far an object rises above its support plane [m]; infinite without one."""
    if obj.support_plane is None:
        return np.inf
    return float((obj.vertices @ obj.support_plane[:3] + obj.support_plane[3]).max())


def reject_flat(
    obj: ObjectModel, bad: dict[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.bool_]]:
    """Put ``flat`` first among the reasons [N] of candidates for an object that lies flat.

    It stands for the reasons that come of having no side to hold the object by.
    """
    if height_on_table(obj) >= LEAST_HEIGHT:
        return bad
    return {'flat': np.any([bad[n] for n in _OF_FLATNESS if n in bad], axis=0)} | bad


def flat_warnings(obj: ObjectModel) -> list[str]:
    """Say so where an object lies flat."""
    height = height_on_table(obj)
    if height >= LEAST_HEIGHT:
        return []
    return [
        f'The object lies flat: it rises {1e3 * height:.1f} mm above its support plane, and'
        f' fingers hardly get hold of less than {1e3 * LEAST_HEIGHT:g} mm. Draw it over an edge of'
        ' the table, or set it up.'
    ]
