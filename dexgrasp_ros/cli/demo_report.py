"""Tables and pictures of the demo, from the messages that came.

Only `bridge` and `nodes` import message packages, so messages are `Any` here: the result of
`dexgrasp_msgs/SynthesizeGrasps`, its `Grasp`s, and the `Object`s they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from dexgrasp_ros.bridge.geometry import pose_array
from dexgrasp_ros.bridge.objects import observed_object
from dexgrasp_ros.cli.report import grasp_table, reject_text, timing_table
from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.simulation import render_grasp, save_picture

_POINT_STRIDE = 2  # every second pixel of the frame is drawn in each direction
_NEAR = 0.25  # m around the object: points that are drawn


def print_result(console: Console, result: Any) -> None:
    """Print one table for each object, what failed, and the time of the phases."""
    for label, grasps in by_label(result).items():
        console.print(grasp_table(f'{len(grasps)} grasps of label {label}', _rows(grasps)))
    for failure in result.failures:
        console.print(f'[red]label {failure.label}:[/] {failure.error_message}')
    rejected = {r.stage: r.count for r in result.rejected}
    console.print(f'Candidates lost: {reject_text(rejected)}')
    console.print(timing_table({t.phase: t.seconds for t in result.timing}))


def by_label(result: Any) -> dict[int, list[Any]]:
    """Grasps of each object, best first."""
    labels: dict[int, list[Any]] = {}
    for grasp in result.grasps.grasps:
        labels.setdefault(int(grasp.object_label), []).append(grasp)
    return dict(sorted(labels.items()))


def draw_grasps(
    hand: HandModel,
    scene: Path,
    objects: Sequence[Any],
    result: Any,
    out: Path,
) -> list[Path]:
    """Draw the best grasp of each object, from two sides, into ``label_<n>.png``."""
    points = _points(scene)
    grasps = by_label(result)
    pictures = []
    for message in objects:
        if message.label not in grasps:
            continue
        best = grasps[message.label][0]
        observed, object_pose = observed_object(message)
        vertices = transform_points(object_pose, observed.vertices)
        plane = observed.support_plane
        links = link_poses(hand, np.array([best.grasp]), pose_array(best.pose)[None])[0]
        middle = vertices.mean(axis=0)
        near = points[np.linalg.norm(points - middle, axis=1) < _NEAR]
        caption = (
            f'label {message.label}: best of {len(grasps[message.label])} grasps,'
            f' score {best.quality.score:.3f}, {best.quality.contact_count} contacts'
        )
        image = render_grasp(
            hand,
            links,
            vertices,
            observed.faces,
            points=near,
            support_plane=plane,
            contact_points=[[c.point.x, c.point.y, c.point.z] for c in best.contacts],
            contact_normals=[[c.normal.x, c.normal.y, c.normal.z] for c in best.contacts],
            toward_viewer=-middle,
            caption=caption,
        )
        pictures.append(out / f'label_{message.label}.png')
        save_picture(image, pictures[-1])
    return pictures


def summary(result: Any, pictures: Sequence[Path], total: float) -> dict[str, Any]:
    """Return what ``--json`` prints: a list with one entry for each object, and the timing."""
    return {
        'grasps': [
            {'label': label, 'count': len(grasps), 'grasps': _rows(grasps)}
            for label, grasps in by_label(result).items()
        ],
        'failures': [
            {'label': f.label, 'error_code': f.error_code, 'error_message': f.error_message}
            for f in result.failures
        ],
        'rejected': {r.stage: r.count for r in result.rejected},
        'timing': {t.phase: t.seconds for t in result.timing} | {'demo': total},
        'pictures': [str(p) for p in pictures],
    }


def _rows(grasps: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            'score': g.quality.score,
            'residual': g.quality.residual,
            'penetration': g.quality.penetration,
            'contact_count': g.quality.contact_count,
            'position': pose_array(g.pose)[:3],
            'joint_names': list(g.joint_names),
            'grasp': list(g.grasp),
        }
        for g in grasps
    ]


def _points(scene: Path) -> np.ndarray:
    """Points [M, 3] of the frame, thinned, in the camera's frame."""
    frame = load_scene(scene)
    rows, columns = np.mgrid[
        0 : frame.depth.shape[0] : _POINT_STRIDE, 0 : frame.depth.shape[1] : _POINT_STRIDE
    ]
    z = frame.depth[rows, columns].astype(np.float64)
    K = frame.intrinsics
    x, y = (columns - K[0, 2]) / K[0, 0] * z, (rows - K[1, 2]) / K[1, 1] * z
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    return points[np.isfinite(points).all(axis=1) & (points[:, 2] > 0)]
