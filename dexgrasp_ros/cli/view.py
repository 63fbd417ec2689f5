"""``dexgrasp view``: a picture of the grasps in a file."""

from __future__ import annotations

from pathlib import Path

import tyro


def view(
    grasps: tyro.conf.Positional[Path],
    /,
    *,
    png: Path | None = None,
    object: Path | None = None,
    count: int = 6,
) -> None:
    """Draw the best grasps of a file side by side.

    Parameters
    ----------
    grasps
        File that `dexgrasp synthesize` wrote (.npz).
    png
        Picture to write; by default beside the file, with its name.
    object
        The object's mesh, where the file does not name it or it has moved.
    count
        Grasps that are drawn at most.
    """
    from rich.console import Console

    from dexgrasp_ros.cli.files import prepare_picture
    from dexgrasp_ros.core.errors import ErrorCode, InputError
    from dexgrasp_ros.core.grasp_set import GraspSet
    from dexgrasp_ros.hand import link_poses, load_hand_text
    from dexgrasp_ros.object import read_mesh
    from dexgrasp_ros.simulation import render_grasps, save_picture

    console = Console()
    if count < 1:
        raise InputError(f'--count is {count}; expected 1 or more.', ErrorCode.OUT_OF_RANGE)
    stored = GraspSet.load(grasps)
    png = png or grasps.with_suffix('.png')
    prepare_picture(png)
    if not len(stored):
        raise InputError(f"'{grasps}' holds no grasps; its reject counts: {stored.rejected}.")
    mesh_path = object or (Path(stored.object_mesh) if stored.object_mesh else None)
    if mesh_path is None:
        raise InputError(f"'{grasps}' does not name its object; give its mesh with --object.")
    mesh, _warnings = read_mesh(mesh_path)
    hand = load_hand_text(stored.urdf, name=stored.hand, root=stored.hand_frame)
    best = stored.select(slice(0, count))
    picture = render_grasps(
        hand,
        link_poses(hand, best.grasp, best.base_pose),
        mesh.vertices,
        mesh.faces,
        captions=[
            f'#{n + 1}  score {best.score[n]:.3f}  {best.contact_count[n]} contacts'
            for n in range(len(best))
        ],
    )
    save_picture(picture, png)
    console.print(f'{len(best)} of {len(stored)} grasps drawn in {png}')
