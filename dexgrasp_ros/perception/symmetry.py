"""Symmetry found from the points: a way to guess the hidden side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.centers import guess_centers
from dexgrasp_ros.perception.evidence import Evidence, Guess, HiddenNodes
from dexgrasp_ros.perception.extrusion import extrude
from dexgrasp_ros.perception.mirror import MirrorPlane, find_mirrors
from dexgrasp_ros.perception.ridges import guess_ridges
from dexgrasp_ros.perception.revolution import Revolution, find_revolution


import os
SLACK=np.float32(os.environ.get('SLACK','0.0025'))
RSLACK=np.float32(os.environ.get('RSLACK','0.0025'))
@dataclass(frozen=True, kw_only=True)
class MirrorGuess:
    """What is mirrored."""

    evidence: Evidence
    mirrors: tuple[MirrorPlane, ...]
    bases: tuple[Guess, ...] = ()

    def images(self, points: NDArray) -> list[NDArray]:
        """Images of points under each plane, and under both."""
        once = [m.reflect(points) for m in self.mirrors]
        return once if len(once) < 2 else [*once, self.mirrors[1].reflect(once[0])]

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Those of the points and of their images."""
        points = self.evidence.points
        every = np.concatenate([points, *self.images(points)])
        bounds = np.stack([every.min(axis=0), every.max(axis=0)])
        for base in self.bases:
            b = base.bounds
            bounds = np.stack([np.minimum(bounds[0], b[0]), np.maximum(bounds[1], b[1])])
        return bounds

    def distance(self, hidden: HiddenNodes) -> NDArray[np.float32]:
        """Signed distance to it at the hidden nodes."""
        surface, axes = self.evidence.surface, self.evidence.axes
        filled = hidden.shell
        free = np.full(len(hidden.rows), -hidden.reach, np.float32)
        for image in self.images(hidden.nodes):
            camera = axes.to_camera(image)
            free = np.maximum(free, surface.free(camera))
            filled = np.minimum(filled, surface.shell(camera, hidden.thickness))
        filled = fill_between(hidden, filled)
        for base in self.bases:
            filled = np.minimum(filled, base.distance(hidden))
        return np.maximum(extrude(hidden, filled), free - SLACK)


def fill_between(hidden: HiddenNodes, distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill what lies before a shape, as far as it is hidden."""
    reach = np.float32(hidden.reach)
    field = np.full(hidden.grid.shape, reach, np.float32)
    field.reshape(-1)[hidden.rows] = np.clip(distance, -reach, reach)
    field = np.minimum.accumulate(field[:, ::-1], axis=1)[:, ::-1]
    return np.maximum(field.reshape(-1)[hidden.rows], hidden.shadow)


def guess_mirrors(evidence: Evidence) -> Guess:
    """Guess by planes of symmetry alone."""
    return MirrorGuess(evidence=evidence, mirrors=tuple(find_mirrors(evidence)))


def guess_mirrors_centers(evidence: Evidence) -> Guess:
    """Guess by planes of symmetry, and by centres."""
    bases = (guess_centers(evidence),)
    return MirrorGuess(evidence=evidence, mirrors=tuple(find_mirrors(evidence)), bases=bases)


def guess_all(evidence: Evidence) -> Guess:
    """Guess by planes of symmetry, by centres and by ridges."""
    bases = (guess_centers(evidence), guess_ridges(evidence))
    return MirrorGuess(evidence=evidence, mirrors=tuple(find_mirrors(evidence)), bases=bases)


def guess_symmetry(evidence: Evidence) -> Guess:
    """Guess a solid of revolution where one fits, else by planes of symmetry."""
    revolution = find_revolution(evidence)
    return revolution if revolution.accepted else guess_all(evidence)
