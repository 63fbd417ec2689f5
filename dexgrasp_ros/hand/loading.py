"""From a URDF to a `HandModel`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from dexgrasp_ros.core.errors import ErrorCode, HandError, InputError, choices
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.resources import find_resource, share_folders
from dexgrasp_ros.hand.anatomy import find_anatomy
from dexgrasp_ros.hand.collision import self_collision_pairs
from dexgrasp_ros.hand.document import parse_document
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.meshes import MeshFinder
from dexgrasp_ros.hand.palm import SurfaceMotion, derive_palm
from dexgrasp_ros.hand.points import hand_surface
from dexgrasp_ros.hand.shapes import collision_shapes, link_meshes
from dexgrasp_ros.hand.tree import KinematicTree, build_tree

LockedJoints = Mapping[str, float] | Iterable[str] | None

# A position controller gives its full effort at this error: 5 N m/rad for a joint of 0.7 N m, the
# gain that published shake tests use for a hand of that size, and as stiff for its size along z.
FULL_EFFORT_ERROR = {JointType.REVOLUTE: 0.14, JointType.PRISMATIC: 0.005}  # rad, m


def load_hand(
    source: str | Path, *, root: str | None = None, locked_joints: LockedJoints = None
) -> HandModel:
    """Load a hand by name or from a URDF file.

    Parameters
    ----------
    source
        Name of a hand in the package's ``urdf`` folder, such as ``'allegro'``, or the path
        of any URDF file.
    root
        Link that becomes the hand's root, where the URDF has an arm above it.
    locked_joints
        Joints that stay where they are: their names (they stand at zero, or at the limit
        nearest to it), or names with positions, rad or m.

    Returns
    -------
    HandModel
        What it had to assume stands in its `warnings`.

    Raises
    ------
    HandError
        UNKNOWN_HAND when there is neither a hand nor a file of that name; otherwise as
        `load_hand_text`.
    """
    text = str(source)
    looks_like_path = '/' in text or text.lower().endswith(('.urdf', '.xml'))
    if looks_like_path or Path(source).is_file():
        path, name = Path(source), Path(source).stem
        if not path.is_file():
            raise HandError(
                f"There is no file '{path}'; expected a URDF, or one of the hands "
                f'{choices(known_hands())}.',
                ErrorCode.FILE_NOT_FOUND,
            )
    else:
        name = text
        try:
            path = find_resource(Path('urdf') / f'{name}.urdf')
        except InputError as error:
            raise HandError(
                f"There is no hand '{name}'; there are {choices(known_hands())}, or give the "
                'path of a URDF file.',
                ErrorCode.UNKNOWN_HAND,
            ) from error
    try:
        document = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise HandError(f"'{path}' cannot be read as text ({error}).") from error
    return load_hand_text(
        document, name=name, root=root, locked_joints=locked_joints, base_folder=path.parent
    )


def known_hands() -> list[str]:
    """Names that `load_hand` takes."""
    return sorted({p.stem for folder in share_folders() for p in folder.glob('urdf/*.urdf')})


def load_hand_text(
    text: str,
    *,
    name: str | None = None,
    root: str | None = None,
    locked_joints: LockedJoints = None,
    base_folder: str | Path | None = None,
) -> HandModel:
    """Make a hand from the text of a URDF, such as ``robot_description``.

    Parameters
    ----------
    text
        The document.
    name
        What to call the hand; the robot's own name where it is left out.
    root, locked_joints
        As for `load_hand`.
    base_folder
        Where relative mesh files are.

    Returns
    -------
    HandModel
        What it had to assume stands in its `warnings`.

    Raises
    ------
    HandError
        INVALID_URDF when the text is not a URDF or describes no tree, UNKNOWN_LINK for a root
        that is not there, UNSUPPORTED_HAND for a hand that cannot move or touch.
    """
    source = f"hand '{name}'" if name else 'the robot description'
    robot = parse_document(text, source)
    tree = build_tree(robot, source, root=root, locked=_locked(locked_joints))
    warnings = list(tree.warnings)
    shapes = collision_shapes(robot, tree.link_names, source)
    anatomy = find_anatomy(tree, shapes.geometry_links)
    zero = tree_matrices(tree, np.zeros((1, len(tree.joint_names))))[0]
    body_frames = np.linalg.inv(zero[anatomy.bodies]) @ zero
    surface = hand_surface(shapes, anatomy, body_frames, warnings)
    motion = SurfaceMotion(
        matrices=lambda q: tree_matrices(tree, q),
        lower=tree.lower,
        upper=tree.upper,
        points=surface.points,
        normals=surface.normals,
        links=shapes.geometry_links[surface.point_groups],
    )
    palm = derive_palm(motion, anatomy)
    finder = MeshFinder(None if base_folder is None else Path(base_folder).resolve())
    meshes = link_meshes(robot, tree.link_names, finder, warnings)
    kinematics = {k: v for k, v in vars(tree).items() if k != 'warnings'}
    clusters = {k: v for k, v in vars(surface).items() if k != 'point_groups'}
    return HandModel(
        name=name or robot.name,
        urdf=text,
        **kinematics,
        joint_stiffness=_stiffness(tree),
        preshape=palm.preshape,
        palm_pose=palm.palm_pose,
        **vars(shapes),
        group_weights=anatomy.weights[shapes.geometry_links],
        group_fingers=anatomy.fingers[shapes.geometry_links],
        self_collision_pairs=self_collision_pairs(
            motion, anatomy, shapes, surface.point_groups, palm.preshape
        ),
        **{
            **clusters,
            'points': surface.points.astype(np.float32),
            'normals': surface.normals.astype(np.float32),
        },
        meshes=meshes,
        warnings=tuple(warnings),
    )


def _locked(locked_joints: LockedJoints) -> dict[str, float | None]:
    if isinstance(locked_joints, Mapping):
        return {str(name): float(value) for name, value in locked_joints.items()}
    return dict.fromkeys(locked_joints or (), None)


def _stiffness(tree: KinematicTree) -> np.ndarray:
    """Joint stiffness [J] from the effort limits, N m/rad or N/m."""
    prismatic = np.isin(
        np.arange(len(tree.joint_names)),
        tree.coordinates[tree.joint_types == JointType.PRISMATIC],
    )
    error = np.where(
        prismatic,
        FULL_EFFORT_ERROR[JointType.PRISMATIC],
        FULL_EFFORT_ERROR[JointType.REVOLUTE],
    )
    return tree.effort_limits / error
