"""How far the geometries of a physics model can be from where they were, by its coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    import mujoco


class MotionBounds:
    """Bounds on motion that are linear in the changes of the coordinates.

    Move one coordinate after the other, from qpos p to q. A point on what a hinge turns by an
    angle a moves by no more than r |a|, where r is its distance from the hinge's anchor; on what a
    slide moves by d, by |d|; on what a free joint turns from quaternion u to v through an angle t,
    by 2 r sin(t / 2) <= 4 r sin(t / 4) = 2 r |v - u|. The sum bounds the whole motion. While that
    is half a `skin`, no distance r has grown by more than a skin.

    Parameters
    ----------
    model
        With hinges, slides and free joints.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        import mujoco

        above = np.zeros((model.nbody, model.nbody), dtype=bool)  # [below or same, above]
        for body in range(1, model.nbody):
            above[body] = above[model.body_parentid[body]]
            above[body, body] = True
        self._radii = model.geom_rbound[:, None].copy()
        # Geometries are numbered body by body.
        self._first = np.flatnonzero(np.diff(model.geom_bodyid, prepend=-1))
        joints, turns = [], []  # by coordinate
        for joint, kind in enumerate(model.jnt_type):
            free, slides = kind == mujoco.mjtJoint.mjJNT_FREE, kind == mujoco.mjtJoint.mjJNT_SLIDE
            turn = [0.0] * 3 + [2.0] * 4 if free else [0.0 if slides else 1.0]
            joints += [joint] * len(turn)
            turns += turn
        self._joint, turn = np.array(joints), np.array(turns)
        bodies = model.geom_bodyid[self._first]
        moves = above[np.ix_(bodies, model.jnt_bodyid)][:, self._joint]
        self._shift, self._turn = moves * (turn == 0.0), moves * turn  # [bodies, nq]

    @property
    def body_count(self) -> int:
        """Bodies with geometries."""
        return len(self._first)

    def reach(self, data: mujoco.MjData, skin: float) -> NDArray[np.float64]:
        """Bounds from a pose on.

        Parameters
        ----------
        data
            Whose kinematics are up to date.
        skin
            The bounds hold as long as they are not above half of it, m.

        Returns
        -------
        array
            [bodies with geometries, nq], m for a unit of the coordinate: times the changes'
            absolute values, what no point of the body has moved farther than.
        """
        arms = cdist(data.geom_xpos, data.xanchor)
        arms += self._radii + skin
        arms = np.maximum.reduceat(arms, self._first, axis=0)
        return arms[:, self._joint] * self._turn + self._shift
