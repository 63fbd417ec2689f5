"""The only view of a fusion, reconstructed as any frame is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.fusion.fused_view import FusedView
from dexgrasp_ros.perception.reconstruction import Reconstruction, reconstruct_frame


def reconstruct_single(
    view: FusedView, labels: Sequence[int], frame_id: str, config: ReconstructionConfig
) -> Reconstruction:
    """Reconstruct from the only view, as ever, and move the result to the fixed frame."""
    fx, fy = view.window.focal
    cx, cy = view.window.center
    frame = DepthFrame(
        depth=view.window.depth,
        labels=view.window.labels,
        intrinsics=np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
        T_world_cam=view.T_world_cam,
        frame_id=view.frame_id,
        stamp=view.stamp,
    )
    made = reconstruct_frame(frame, labels=labels, config=config)
    return dataclasses.replace(
        made,
        objects=tuple(
            dataclasses.replace(
                o,
                frame_id=frame_id,
                vertices=view.to_world(o.vertices),
                points=view.to_world(o.points),
                obstacles=view.to_world(o.obstacles),
                support_plane=_plane_to_world(o.support_plane, view),
            )
            for o in made.objects
        ),
        support_plane=_plane_to_world(made.support_plane, view),
    )


def _plane_to_world(plane: NDArray | None, view: FusedView) -> NDArray[np.float64] | None:
    if plane is None:
        return None
    normal = view.T_world_cam[:3, :3] @ plane[:3]
    return np.append(normal, plane[3] - normal @ view.T_world_cam[:3, 3])
