"""The three-dimensional part of a page: objects, hand, contacts, table and camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
import viser
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.coarse_mesh import coarse_hand, coarse_mesh
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.viewer.shown import ShownObject

# Of the hand and of each object: more than shows, and little to send.
_MAX_TRIANGLES = 30_000
_MAX_POINTS = 3_000  # of each object; more would hide its mesh
_CREASE = np.radians(35)  # flatter edges are shaded as if they were round

_OBJECT_COLORS = ((44, 112, 190), (30, 146, 136), (122, 92, 184), (122, 150, 48), (190, 84, 120))
_OBJECT_OPACITY = 0.42  # lets contacts behind it and forces in it be seen
_POINT_COLOR = (236, 108, 28)
_OBSTACLE_COLOR = (150, 150, 155)
_CONTACT_COLOR = (205, 32, 24)
_CONE_COLOR = (255, 170, 40)
_FORCE_LENGTH = 0.05  # m, of the largest force of a grasp
_CONTACT_RADIUS = 0.003  # m
_CONE_HEIGHT = 0.02  # m
_LEAST_LOAD = 1e-3  # of the largest force; contacts below it get neither arrow nor cone
_FIELD_OF_VIEW = np.radians(45)
_LEAST_VIEW = 0.12  # m, radius of what the camera shows at least

# What can be shown and hidden, and whether it is shown at the start.
LAYERS = {
    'meshes': True,
    'points': True,
    'obstacles': False,
    'hand': True,
    'contacts': True,
    'forces': True,
    'cones': True,
    'names': True,
}


class Stage:
    """What stands in the scene of a server; one thread at a time.

    All data are in one frame, which hangs below ``/scene``, so the page's own frame has z up.
    """

    def __init__(self, server: viser.ViserServer) -> None:
        self._server, self._scene = server, server.scene
        self._scene.configure_environment_map('studio', environment_intensity=0.55)
        self._root = self._scene.add_frame('/scene', show_axes=False)
        self._layers = {
            name: self._scene.add_frame(f'/scene/{name}', show_axes=False, visible=shown)
            for name, shown in LAYERS.items()
        }
        self._robot = self._scene.add_frame('/scene/hand/robot', show_axes=False, visible=False)
        self._scene.add_grid(
            '/table',
            width=1.2,
            height=1.2,
            cell_size=0.05,
            section_size=0.25,
            cell_color=(214, 216, 220),
            section_color=(186, 190, 196),
            plane_color=(246, 246, 244),
            plane_opacity=0.9,
            shadow_opacity=0.3,
        )
        self._objects: list[viser.SceneNodeHandle] = []
        self._hand: HandModel | None = None
        self._links: dict[int, viser.FrameHandle] = {}
        self._touches: list[viser.SceneNodeHandle] = []
        server.initial_camera.fov = _FIELD_OF_VIEW
        server.initial_camera.near = 0.005

    def show(self, layer: str, visible: bool) -> None:
        """Show or hide one of `LAYERS`."""
        self._layers[layer].visible = visible

    def set_objects(self, objects: Sequence[ShownObject], pose: NDArray[np.float64]) -> None:
        """Show these objects only, their frame standing at `pose` [7] in the page's."""
        with self._server.atomic():
            _remove(self._objects)
            _place(self._root, pose)
            for n, shown in enumerate(objects):
                self._objects += self._object_nodes(n, shown)

    def set_hand(self, hand: HandModel) -> None:
        """Have this hand ready to be shown; the same object once more costs nothing."""
        if hand is self._hand:
            return
        with self._server.atomic():
            _remove(self._links.values())  # meshes hang below them
            self._links, self._hand = {}, hand
            for n, mesh in enumerate(coarse_hand(hand, _MAX_TRIANGLES).meshes):
                name = f'/scene/hand/robot/{mesh.link}'
                if mesh.link not in self._links:
                    self._links[mesh.link] = self._scene.add_frame(name, show_axes=False)
                vertices, faces = _creased(mesh.vertices, mesh.faces)
                self._scene.add_mesh_simple(
                    f'{name}/{n}', vertices, faces, color=_bytes(mesh.color[:3]), side='double'
                )

    def move_hand(self, link_poses: NDArray[np.float64] | None) -> None:
        """Put the links of the hand at these poses [L, 7]; None hides it."""
        with self._server.atomic():
            self._robot.visible = link_poses is not None
            if link_poses is None:
                return
            for link, node in self._links.items():
                _place(node, link_poses[link])

    def set_contacts(
        self, points: ArrayLike, normals: ArrayLike, forces: ArrayLike, friction: float
    ) -> None:
        """Show contacts [C, 3] m, their normals, forces [N] and the friction cones of μ."""
        points, normals, forces = (
            np.asarray(a, dtype=np.float64).reshape(-1, 3) for a in (points, normals, forces)
        )
        with self._server.atomic():
            _remove(self._touches)
            if len(points):
                self._touches += self._contact_nodes(points, normals, forces, friction)

    def frame_camera(
        self,
        points: NDArray[np.float64],
        direction: NDArray[np.float64],
        client: viser.ClientHandle | None = None,
    ) -> None:
        """Look at all `points` [M, 3] from `direction` [3], both in the data's frame.

        In the browser of `client`; by default in all that are open or will be.
        """
        pose = np.concatenate([self._root.position, np.roll(self._root.wxyz, -1)])
        points = transform_points(pose, points)
        low, high = points.min(axis=0), points.max(axis=0)
        middle = 0.5 * (low + high)
        radius = max(_LEAST_VIEW, float(np.linalg.norm(points - middle, axis=1).max()))
        away = transform_points(pose, direction[None])[0] - pose[:3]
        position = middle + away * radius / np.sin(0.5 * _FIELD_OF_VIEW)
        clients = self._server.get_clients().values() if client is None else [client]
        cameras = [c.camera for c in clients]
        for camera in cameras if client is not None else [self._server.initial_camera, *cameras]:
            camera.position, camera.look_at = position, middle

    def pan(self, way: NDArray[np.float64]) -> None:
        """Move the cameras of all browsers by `way` [3] m in the data's frame, without a turn."""
        pose = np.concatenate([np.zeros(3), np.roll(self._root.wxyz, -1)])
        way = transform_points(pose, way[None])[0]
        for client in self._server.get_clients().values():
            # To set the position of a camera moves what it looks at along.
            client.camera.position = client.camera.position + way

    def up(self) -> NDArray[np.float64]:
        """Return the page's z [3] in the data's frame."""
        w, x, y, z = self._root.wxyz
        return np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])

    def _object_nodes(self, n: int, shown: ShownObject) -> list[viser.SceneNodeHandle]:
        vertices, faces = _creased(*coarse_mesh(shown.vertices, shown.faces, _MAX_TRIANGLES))
        color = _OBJECT_COLORS[n % len(_OBJECT_COLORS)]
        nodes = [
            self._scene.add_mesh_simple(
                f'/scene/meshes/{n}', vertices, faces, color=color, opacity=_OBJECT_OPACITY
            )
        ]
        for layer, points, point_color in (
            ('points', shown.points, _POINT_COLOR),
            ('obstacles', shown.obstacles, _OBSTACLE_COLOR),
        ):
            if len(points):
                nodes.append(
                    self._scene.add_point_cloud(
                        f'/scene/{layer}/{n}',
                        points[:: 1 + len(points) // _MAX_POINTS],
                        point_color,
                        point_size=0.0007,
                        point_shape='circle',
                        precision='float32',
                    )
                )
        up, middle = self.up(), 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
        over = middle + (np.max((vertices - middle) @ up) + 0.03) * up
        nodes.append(self._scene.add_label(f'/scene/names/{n}', shown.name, position=over))
        return nodes

    def _contact_nodes(
        self, points: NDArray, normals: NDArray, forces: NDArray, friction: float
    ) -> list[viser.SceneNodeHandle]:
        ball = trimesh.creation.icosphere(subdivisions=2, radius=_CONTACT_RADIUS)
        still = np.tile([1.0, 0.0, 0.0, 0.0], (len(points), 1))
        nodes = [
            self._scene.add_batched_meshes_simple(
                '/scene/contacts/balls',
                ball.vertices,
                ball.faces,
                batched_wxyzs=still,
                batched_positions=points,
                batched_colors=_CONTACT_COLOR,
            )
        ]
        sizes = np.linalg.norm(forces, axis=1)
        loaded = sizes > _LEAST_LOAD * sizes.max()
        if loaded.any():
            tips = points + _FORCE_LENGTH * forces / sizes.max()
            nodes.append(
                self._scene.add_arrows(
                    '/scene/forces/arrows',
                    np.stack([points, tips], axis=1)[loaded],
                    _CONTACT_COLOR,
                    shaft_radius=0.0011,
                    head_radius=0.0028,
                    head_length=0.007,
                )
            )
            nodes.append(
                self._scene.add_mesh_simple(
                    '/scene/cones/cones',
                    *_cones(points[loaded], normals[loaded], friction),
                    color=_CONE_COLOR,
                    opacity=0.45,
                    side='double',
                    cast_shadow=False,
                    receive_shadow=False,
                )
            )
        return nodes


def _cones(
    tips: NDArray[np.float64], normals: NDArray[np.float64], friction: float, segments: int = 20
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Side surfaces of friction cones that open from `tips` along `normals`, as one mesh."""
    cone = trimesh.creation.cone(radius=friction, height=1.0, sections=segments)
    # The tip at the origin, opening along z, without its base.
    vertices = (cone.vertices - [0, 0, 1]) * [1, -1, -1] * _CONE_HEIGHT
    faces = cone.faces[np.ptp(cone.vertices[cone.faces][..., 2], axis=1) > 0]
    turned = [
        trimesh.transform_points(vertices, trimesh.geometry.align_vectors([0, 0, 1], normal)) + tip
        for tip, normal in zip(tips, normals, strict=True)
    ]
    shifts = len(vertices) * np.arange(len(tips))[:, None, None]
    return np.concatenate(turned), (faces + shifts).reshape(-1, 3)


def _creased(
    vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the mesh with vertices doubled along sharp edges; viser shades all others round."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.merge_vertices()
    smooth = trimesh.graph.smooth_shade(mesh, angle=_CREASE, facet_minarea=None)
    return np.asarray(smooth.vertices), np.asarray(smooth.faces)


def _place(node: viser.SceneNodeHandle, pose: NDArray[np.float64]) -> None:
    node.position, node.wxyz = pose[:3], np.roll(pose[3:], 1)


def _remove(nodes: object) -> None:
    for node in list(nodes):
        node.remove()
    if isinstance(nodes, list):
        nodes.clear()


def _bytes(color: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(255 * float(np.clip(c, 0, 1))) for c in color)
