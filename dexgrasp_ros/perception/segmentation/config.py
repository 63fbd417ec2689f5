"""Settings of the segmentation: one dataclass feeds the API, the command line and ROS."""

from __future__ import annotations

from dataclasses import dataclass

from dexgrasp_ros.core.config import setting


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig:
    """Every number of the way from a depth image to labels."""

    min_depth: float = setting(0.1, 'm', 'nearer measurements are invalid', 0.0, 100.0)
    max_depth: float = setting(2.0, 'm', 'farther measurements are invalid', 0.0, 100.0)
    plane_distance: float = setting(0.008, 'm', 'points this near a plane are on it', 0.001, 0.05)
    min_height: float = setting(
        0.005, 'm', 'what rises less above the plane is the plane, at short range', 0.001, 0.1
    )
    max_height: float = setting(
        0.5, 'm', 'what begins higher above the plane does not stand on it', 0.01, 5.0
    )
    min_points: int = setting(400, '1', 'pixels of an object at least', 50, 1000000)
    min_size: float = setting(0.02, 'm', 'longest extent of an object at least', 0.005, 1.0)
    max_size: float = setting(0.6, 'm', 'longest extent of an object at most', 0.02, 10.0)
    edge_step: float = setting(
        0.01, 'm', 'depth step between neighbours on one surface', 0.0005, 0.1
    )
    smoothing: float = setting(
        0.004, 'm', 'radius over which the normal of a surface is taken', 0.001, 0.05
    )
    fold_angle: float = setting(
        15.0, 'deg', 'surfaces that meet in a sharper inner edge are parts', 5.0, 90.0
    )
    split_angle: float = setting(
        55.0, 'deg', 'parts that meet in a sharper inner edge are objects', 5.0, 120.0
    )
    color_step: float = setting(
        18.0, '1', 'difference (CIELAB) of parts that are objects at a less sharp edge', 1.0, 200.0
    )
    part_size: float = setting(0.05, 'm', 'smaller parts belong to what they touch', 0.005, 0.5)
    contact_gap: float = setting(0.015, 'm', 'parts this near may touch', 0.002, 0.1)
    prompt_radius: float = setting(
        0.02, 'm', 'a point names the nearest object within this distance', 0.001, 0.5
    )
    random_seed: int = setting(0, '1', 'start of every random number', 0, 2**31 - 1)
