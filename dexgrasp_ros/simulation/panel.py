"""One view of a scene as pixels: solid bodies, see-through bodies, depth points, a table."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.simulation.bodies import Body, Color, point_body, posed_vertices
from dexgrasp_ros.simulation.cameras import NO_HIT, Hits, PinholeCamera, RayScene
from dexgrasp_ros.simulation.shading import Light, Shader, to_display
from dexgrasp_ros.simulation.table import Table

_POINT_COLOR: Color = (0.93, 0.30, 0.03)
_SKY_TOP = np.array([0.78, 0.83, 0.88], dtype=np.float32)
_SKY_BOTTOM = np.array([0.93, 0.94, 0.95], dtype=np.float32)
# Points up to 8 mm behind a see-through surface are noise of it and stand out; points on its far
# side shine through.
_POINT_NOISE = 0.008
_HIDDEN_MARK = 0.55  # opacity
_CHUNK = 32_768  # pixels coloured at a time: their arrays stay in the cache
_CONTRAST = 10  # of 255: pixels that differ more from a neighbour get four samples


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What one view shows; everything is in one frame, metres."""

    solid: tuple[Body, ...] = ()
    glass: tuple[Body, ...] = ()  # drawn see-through
    opacity: float = 0.5  # of the glass where it faces the viewer
    points: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))  # [M, 3]
    point_size: float = 0.0011  # m
    marks: tuple[Body, ...] = ()  # drawn over everything, fainter where they are hidden
    support_plane: NDArray[np.float64] | None = None  # [4] unit n, d
    caption: str = ''

    def outline(self) -> NDArray[np.float64]:
        """Vertices of all bodies, [V, 3]: what the picture must show."""
        return posed_vertices([*self.solid, *self.glass])


def render_panel(
    panel: Panel, camera: PinholeCamera, *, light: Light | None = None
) -> NDArray[np.uint8]:
    """Render one view, sRGB [height, width, 3]; edges are smoothed by four samples a pixel.

    Parameters
    ----------
    panel
        What is seen.
    camera
        From where; the picture has its size.
    light
        How it is lit.
    """
    layers = _Layers(panel, camera, light or Light())
    row, column = np.indices((camera.height, camera.width)).reshape(2, -1)
    image = layers.colors(row, column).reshape(camera.height, camera.width, 3)
    grey = image.max(axis=2)
    contrast = ndimage.maximum_filter(grey, size=3) - ndimage.minimum_filter(grey, size=3)
    row, column = np.nonzero(contrast > _CONTRAST)
    # Averaged as displayed, not as light: dark edges on bright ground stay smooth.
    total = np.zeros((len(row), 3), dtype=np.float32)
    # A turned square samples edges of any direction better than an upright one (rotated grid).
    for dy, dx in ((-0.375, -0.125), (-0.125, 0.375), (0.125, -0.375), (0.375, 0.125)):
        total += layers.colors(row + dy, column + dx)
    image[row, column] = (total / 4 + 0.5).astype(np.uint8)
    return image


class _Layers:
    """The scenes of a panel and their shaders, ready to colour any pixel coordinate."""

    def __init__(self, panel: Panel, camera: PinholeCamera, light: Light) -> None:
        self._panel, self._camera = panel, camera
        self._table = Table.under(panel.outline(), panel.support_plane, camera)
        ground = [] if self._table is None else [self._table.body]
        cloud = []
        if len(panel.points):
            cloud = [point_body(panel.points, size=panel.point_size, color=_POINT_COLOR)]
        self._table_index, self._cloud_index = len(panel.solid), len(panel.solid) + len(ground)
        self._solid = RayScene([*panel.solid, *ground, *cloud])
        self._glass = RayScene(panel.glass) if panel.glass else None
        self._marks = RayScene(panel.marks) if panel.marks else None
        occluders = RayScene([*panel.solid, *panel.glass, *ground])
        up = -camera.T_world_cam[:3, 1] if panel.support_plane is None else panel.support_plane[:3]
        v, u = np.indices((camera.height, camera.width))[:, :: Shader.step, :: Shader.step]
        directions = camera.directions(u, v)
        self._shaders = [
            Shader(occluders, s.trace(camera.eye, directions), camera, up=up, light=light)
            for s in (self._solid, self._glass)
            if s is not None
        ]

    def colors(self, row: NDArray[np.floating], column: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Return sRGB [M, 3] at pixel coordinates [M]."""
        parts = [slice(k, k + _CHUNK) for k in range(0, len(row), _CHUNK)]
        if not parts:
            return np.empty((0, 3), dtype=np.uint8)
        return np.concatenate([self._chunk_colors(row[p], column[p]) for p in parts])

    def _chunk_colors(
        self, row: NDArray[np.floating], column: NDArray[np.floating]
    ) -> NDArray[np.uint8]:
        camera = self._camera
        directions = camera.directions(column, row)
        share = (np.asarray(row, dtype=np.float32) / camera.height)[:, None]
        image = (1 - share) * _SKY_TOP + share * _SKY_BOTTOM
        hits = self._solid.trace(camera.eye, directions)
        at = np.flatnonzero(hits.body != NO_HIT)
        image[at] += self._solid_colors(row[at], column[at], hits[at], image[at])
        if self._glass is not None:
            glass = self._glass.trace(camera.eye, directions)
            in_cloud = hits.body == self._cloud_index
            over = glass.depth < hits.depth - np.where(in_cloud, _POINT_NOISE, 0)
            at = np.flatnonzero(over)
            image[at] += self._glass_change(
                row[at], column[at], glass[at], directions[at], image[at]
            )
        if self._marks is not None:
            marks = self._marks.trace(camera.eye, directions)
            at = np.flatnonzero(marks.body != NO_HIT)
            hidden = hits.depth[at] < marks.depth[at]
            color = _body_colors(self._marks)[marks.body[at]]
            image[at] += np.where(hidden, _HIDDEN_MARK, 1)[:, None] * (color - image[at])
        return to_display(image)

    def _solid_colors(
        self,
        row: NDArray[np.floating],
        column: NDArray[np.floating],
        hits: Hits,
        behind: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return what solid hits add to what is behind them."""
        colors = _body_colors(self._solid)[hits.body]
        cover = np.ones(len(row), dtype=np.float32)
        if self._table is not None:
            ground = hits.body == self._table_index
            colors[ground], cover[ground] = self._table.paint(hits.points[ground])
        lit = self._shaders[0].shade(row, column, hits, colors)
        cloud = hits.body == self._cloud_index
        lit[cloud] = colors[cloud]
        return cover[:, None] * (lit - behind)

    def _glass_change(
        self,
        row: NDArray[np.floating],
        column: NDArray[np.floating],
        hits: Hits,
        directions: NDArray[np.float32],
        behind: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return what glass hits add to what is behind them: more where they are seen aslant."""
        lit = self._shaders[1].shade(row, column, hits, _body_colors(self._glass)[hits.body])
        length = np.sqrt(np.einsum('ij,ij->i', directions, directions))
        aslant = 1 - np.abs(np.einsum('ij,ij->i', directions, hits.normals)) / length
        opacity = self._panel.opacity
        return (opacity + 0.8 * (1 - opacity) * aslant**2)[:, None] * (lit - behind)


def _body_colors(scene: RayScene) -> NDArray[np.float32]:
    return np.array([b.color for b in scene.bodies], dtype=np.float32)
