"""Small files that are as they should be."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

BAR = (
    '<collision><origin xyz="0 0 0.03" rpy="0 0 0"/><geometry><box size="0.01 0.02 0.06"/>'
    '</geometry></collision>'
)
FINGER = (
    '<link name="{name}">' + BAR + '</link>\n<joint name="{name}_joint" type="revolute">\n'
    '<parent link="palm"/>\n<child link="{name}"/>\n<origin xyz="{x} 0 0.02" rpy="0 0 0"/>\n'
    '<axis xyz="0 {y} 0"/>\n<limit lower="0" upper="1.5" effort="2" velocity="1"/>\n</joint>\n'
)
URDF = (
    '<?xml version="1.0"?>\n<robot name="pincer">\n<link name="palm"><collision><geometry>'
    '<box size="0.12 0.04 0.03"/></geometry></collision></link>\n'
    + FINGER.format(name='one', x=-0.05, y=1)
    + FINGER.format(name='two', x=0.05, y=-1)
    + '</robot>\n'
)
_HEIGHT, _WIDTH = 12, 16


def npz_of(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def scene() -> dict[str, Any]:
    depth = np.linspace(0.4, 0.6, _HEIGHT * _WIDTH, dtype=np.float32).reshape(_HEIGHT, _WIDTH)
    return {
        'depth': depth,
        'K': np.array([[20.0, 0, 8], [0, 20, 6], [0, 0, 1]]),
        'seg': (depth > 0.5).astype(np.int32),
        'rgb': np.zeros((_HEIGHT, _WIDTH, 3), np.uint8),
        'T_world_cam': np.eye(4),
    }


def views() -> dict[str, Any]:
    one = scene()
    return {
        'depth': (np.stack([one['depth']] * 2) * 1000).astype(np.uint16),
        'depth_scale': np.array(0.001),
        'K': one['K'],
        'T_world_cam': np.stack([np.eye(4)] * 2),
        'seg': np.stack([one['seg']] * 2),
        'stamp': np.arange(2),
    }


def grasp_set(hand: Any) -> Any:
    from dexgrasp_ros.core.grasp_set import GraspSet

    count, joints, contacts = 3, len(hand.joint_names), 2
    poses = np.tile([0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0], (count, 1))
    posture = np.full((count, joints), 0.2)
    return GraspSet(
        hand=hand.name,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=poses,
        pregrasp_base_pose=poses,
        pregrasp=posture,
        grasp=posture,
        squeeze=posture,
        joint_stiffness=hand.joint_stiffness,
        score=np.array([0.9, 0.5, 0.1]),
        residual=np.zeros(count),
        penetration=np.zeros(count),
        epsilon=np.full(count, np.nan),
        contact_count=np.full(count, 2),
        contact_links=np.ones((count, contacts), np.int64),
        contact_points=np.zeros((count, contacts, 3)),
        contact_normals=np.zeros((count, contacts, 3)),
        contact_forces=np.zeros((count, contacts, 3)),
        config={'seed_count': 8},
        timing={'optimize': 0.5},
        rejected={'penetration': 5},
    )


def mesh_bytes(suffix: str, **options: Any) -> bytes:
    import trimesh

    box = trimesh.creation.box((0.05, 0.06, 0.07))
    if suffix == '3mf':
        box.apply_scale(1000.0)  # its unit is the millimetre
    content = box.export(file_type=suffix, **options)
    return content.encode() if isinstance(content, str) else content
