"""All views of a scene at once: the fusion for those who have them in a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.fusion.config import FusionConfig
from dexgrasp_ros.perception.fusion.view_fusion import ViewFusion
from dexgrasp_ros.perception.reconstruction import Reconstruction


def reconstruct_views(
    frames: Iterable[DepthFrame],
    *,
    labels: Sequence[int] | None = None,
    frame_id: str = 'world',
    config: ReconstructionConfig | None = None,
    fusion: FusionConfig | None = None,
) -> Reconstruction:
    """Fuse views of a scene that stands still into one watertight mesh for each object.

    Parameters
    ----------
    frames
        Each with labels and `T_world_cam`. A label that another view gives another number is
        the object that most of its points lie on.
    labels
        Which objects, by their number in the first view that shows them; None for all.
    frame_id
        Name of the fixed frame, whose z points up.
    config, fusion
        Settings; None for the defaults.

    Returns
    -------
    Reconstruction
        Meshes in the fixed frame, in metres. A label that gives none stands in `failures` with
        its coded error.

    Raises
    ------
    InputError, PerceptionError
        As `ViewFusion.add`, with the number of the view, and `ViewFusion.reconstruct`.
    """
    views = ViewFusion(frame_id=frame_id, config=config, fusion=fusion)
    for number, frame in enumerate(frames):
        try:
            views.add(frame)
        except DexGraspError as error:
            raise type(error)(f'View {number}: {error}', error.code) from error
    return views.reconstruct(labels)
