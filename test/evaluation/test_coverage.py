"""The share of a surface that contacts cover, against areas that are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.evaluation.coverage import touched_share

TOLERANCE = 0.012  # three standard deviations of a half by 20,000 samples


def share(mesh, points, normals, **options):
    return touched_share(mesh.vertices, mesh.faces, np.array(points), np.array(normals), **options)


@pytest.mark.parametrize('reach', [0.01, 0.03, 0.06])
def test_a_contact_covers_a_cap_of_a_ball(reach):
    """The cap of a sphere within a chord c has the area π c², whatever the radius."""
    ball = trimesh.creation.icosphere(5, 0.05)
    found = share(ball, [[0.0, 0.0, 0.05]], [[0.0, 0.0, -1.0]], reach=reach)
    assert found == pytest.approx(reach**2 / (4 * 0.05**2), abs=TOLERANCE / 2)


def test_caps_that_overlap_count_once_and_others_add_up():
    ball = trimesh.creation.icosphere(5, 0.05)
    top, bottom = [0.0, 0.0, 0.05], [0.0, 0.0, -0.05]
    down, up = [0.0, 0.0, -1.0], [0.0, 0.0, 1.0]
    one = share(ball, [top], [down], reach=0.02)
    assert share(ball, [top, top], [down, down], reach=0.02) == one
    both = share(ball, [top, bottom], [down, up], reach=0.02)
    assert both == pytest.approx(2 * one, abs=1e-2)


def test_faces_of_a_box_are_weighted_by_area():
    """A disc of 2 cm on a face of 10 by 20 cm, which counts no more where it is cut finely."""
    box = trimesh.creation.box((0.1, 0.2, 0.05))
    fine = box.subdivide(np.flatnonzero(box.face_normals[:, 2] > 0.5)).subdivide([0, 1, 2])
    area = 2 * (0.02 + 0.01 + 0.005)
    for mesh in (box, fine):
        found = share(mesh, [[0.0, 0.0, 0.025]], [[0.0, 0.0, -1.0]], reach=0.02)
        assert found == pytest.approx(np.pi * 0.02**2 / area, abs=TOLERANCE / 4)


def test_the_far_side_of_a_thin_wall_is_not_covered():
    plate = trimesh.creation.box((0.1, 0.1, 0.002))
    found = share(plate, [[0.0, 0.0, 0.001]], [[0.0, 0.0, -1.0]], reach=0.03)
    assert found == pytest.approx(np.pi * 0.03**2 / plate.area, abs=TOLERANCE)


def test_no_contacts_cover_nothing():
    ball = trimesh.creation.icosphere(2, 0.05)
    assert share(ball, np.empty((0, 3)), np.empty((0, 3))) == 0.0


def test_a_contact_that_is_nowhere_covers_nothing():
    ball = trimesh.creation.icosphere(3)
    points = np.array([[0.0, 0.0, 1.0], [np.nan] * 3])
    assert share(ball, points, -points) == share(ball, points[:1], -points[:1]) > 0.0
