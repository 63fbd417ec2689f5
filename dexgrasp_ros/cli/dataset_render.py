"""``dexgrasp dataset render``: images of every scene of a dataset, in tar shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dexgrasp_ros.cli.dataset_run import ends_like_ctrl_c, finish_run, open_executor, run_bar

if TYPE_CHECKING:
    from dexgrasp_ros.dataset.render.run import RenderReport
    from dexgrasp_ros.dataset.render.settings import CameraSettings

_DEFAULTS = 'config/dataset_cameras.yaml'


@dataclass(frozen=True, kw_only=True)
class Render:
    """Look at each settled object with several cameras: colour, depth, labels, normals, boxes.

    Run it again at any time: what is there is kept, what is missing or failed is rendered.
    """

    out: Path
    """Folder of a dataset that `dexgrasp dataset generate` wrote or began."""
    cameras: Path | None = None
    """YAML of the cameras; default: config/dataset_cameras.yaml, which says what can be set."""
    views: int | None = None
    """Cameras, or stereo pairs, for each scene; instead of what the YAML says."""
    noise: str | None = None
    """Model of the depth sensor, 'none' or 'kinect_v1'; instead of what the YAML says."""
    clutter: int = 0
    """Cluttered tables beside the scenes: 2 to 10 objects that settled together, with the grasps
    that their neighbours leave free."""
    device: str = 'cpu'
    """Of the rays: 'cpu' (Embree), 'cuda' (Warp), or 'auto' for CUDA where there is one."""
    processes: int | None = None
    """Worker processes on this machine's CPU; default: one for each core."""
    ray: str | None = None
    """Run on Ray: the address of a cluster, 'auto' to find it, 'local' to start one here."""
    shard_index: int = 0
    """With --shard-count n: render every n-th scene only, beginning with this one."""
    shard_count: int = 1
    """How many machines share the scenes, as in a Slurm array or an indexed job."""
    retries: int = 2
    """How often a scene that failed is tried again."""
    overwrite: bool = False
    """Render anew what was rendered with other settings."""
    json: bool = False
    """End with one line of JSON."""

    def run(self) -> None:
        """Render, and say how it went.

        Raises
        ------
        DexGraspError
            Scenes could not be rendered; the code is that of the first of them.
        """
        from rich.console import Console

        from dexgrasp_ros.dataset.render.run import render

        console = Console(stderr=self.json)
        settings = self._settings()
        with (
            ends_like_ctrl_c(),
            open_executor(self.ray, self.processes, self.device) as executor,
            run_bar(console, 'frames') as show,
        ):
            report = render(
                self.out,
                settings=settings,
                executor=executor,
                clutter=self.clutter,
                shard_index=self.shard_index,
                shard_count=self.shard_count,
                retries=self.retries,
                overwrite=self.overwrite,
                progress=show,
            )
        finish_run(
            console,
            report,
            self.out,
            summary=_summary(report),
            things='scenes were not rendered',
            json=self.json,
        )

    def _settings(self) -> CameraSettings:
        from dexgrasp_ros.core.resources import find_resource
        from dexgrasp_ros.dataset.render.settings import read_camera_settings

        changes: dict[str, Any] = {'views': self.views, 'noise': self.noise}
        return read_camera_settings(
            self.cameras or find_resource(_DEFAULTS),
            **{name: value for name, value in changes.items() if value is not None},
        )


def _summary(report: RenderReport) -> str:
    return (
        f'{report.made} scenes rendered, {report.skipped} were there, {report.lost} lost; '
        f'{report.frames} new frames, {report.size / 1e6:.1f} MB'
    )
