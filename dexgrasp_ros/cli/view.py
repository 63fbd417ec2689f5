"""``dexgrasp view``: the grasps in a file, on a web page or in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tyro


def view(
    grasps: tyro.conf.Positional[Path],
    /,
    *,
    png: Path | None = None,
    object: Path | None = None,
    count: int = 6,
    host: str = '127.0.0.1',
    port: int = 8080,
) -> None:
    """Serve a page with the grasps of a file until Ctrl-C, or draw the best ones side by side.

    Parameters
    ----------
    grasps
        File that `dexgrasp synthesize` wrote (.npz).
    png
        Write this picture in place of serving a page.
    object
        The object's mesh, where the file does not name it or it has moved.
    count
        Grasps that the picture shows at most.
    host
        Address that the page is served at; 0.0.0.0 lets other machines see it.
    port
        Port of the page; 0 takes any that is free.
    """
    from rich.console import Console

    from dexgrasp_ros.cli.files import prepare_picture
    from dexgrasp_ros.cli.report import load_status
    from dexgrasp_ros.core.errors import ErrorCode, InputError
    from dexgrasp_ros.core.grasp_set import GraspSet
    from dexgrasp_ros.hand import load_hand_text
    from dexgrasp_ros.object import read_mesh

    console = Console()
    if count < 1:
        raise InputError(f'--count is {count}; expected 1 or more.', ErrorCode.OUT_OF_RANGE)
    stored = GraspSet.load(grasps)
    if png is not None:
        prepare_picture(png)
    if not len(stored):
        raise InputError(f"'{grasps}' holds no grasps; its reject counts: {stored.rejected}.")
    mesh_path = object or (Path(stored.object_mesh) if stored.object_mesh else None)
    if mesh_path is None:
        raise InputError(f"'{grasps}' does not name its object; give its mesh with --object.")
    mesh, _warnings = read_mesh(mesh_path, scale=stored.object_scale)
    with load_status(console) as show:
        hand = load_hand_text(stored.urdf, name=stored.hand, root=stored.hand_frame, progress=show)
    if png is None:
        _serve(console, stored, hand, mesh, mesh_path.stem, host, port)
    else:
        _draw(console, stored.select(slice(0, count)), len(stored), hand, mesh, png)


def _serve(
    console: Any, stored: Any, hand: Any, mesh: Any, name: str, host: str, port: int
) -> None:
    """Serve the page until Ctrl-C."""
    import time

    import numpy as np

    from dexgrasp_ros.cli.interrupts import stop_flag
    from dexgrasp_ros.viewer import GraspPage, ShownGrasps, ShownObject

    has_plane = np.isfinite(stored.support_plane).all()
    shown = ShownObject(
        name=name,
        vertices=np.asarray(mesh.vertices),
        faces=np.asarray(mesh.faces),
        support_plane=stored.support_plane if has_plane else None,
    )
    count = len(stored)
    grasps = ShownGrasps(hand=hand, grasps=stored, objects=[name] * count, sources=[None] * count)
    page = GraspPage(host=host, port=port)
    page.set_objects([shown])
    page.set_grasps(grasps)
    page.say(f"{count} grasps of '{name}' with the hand '{stored.hand}'.")
    with stop_flag() as is_stopped:
        console.print(f'{count} grasps at {page.url} (end with Ctrl-C)')
        while not is_stopped():
            time.sleep(0.1)
    page.close()


def _draw(console: Any, best: Any, total: int, hand: Any, mesh: Any, png: Path) -> None:
    """Write the picture."""
    from dexgrasp_ros.hand import link_poses
    from dexgrasp_ros.simulation import render_grasps, save_picture

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
    console.print(f'{len(best)} of {total} grasps drawn in {png}')
