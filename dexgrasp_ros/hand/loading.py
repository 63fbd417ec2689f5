"""From a URDF to a `HandModel`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from dexgrasp_ros.core.errors import HandError
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.progress import LoadCallback
from dexgrasp_ros.hand.anatomy import find_anatomy
from dexgrasp_ros.hand.application import (
    allowed_pairs,
    check_names,
    check_preshape,
    couple,
    effective,
    group_weights,
    joint_stiffness,
    locked_inside,
)
from dexgrasp_ros.hand.derived import derive
from dexgrasp_ros.hand.document import parse_document
from dexgrasp_ros.hand.meshes import MeshFinder
from dexgrasp_ros.hand.mirror import mirror_hand
from dexgrasp_ros.hand.overrides import HandOverrides
from dexgrasp_ros.hand.points import point_spacings
from dexgrasp_ros.hand.shapes import collision_shapes, link_meshes
from dexgrasp_ros.hand.sources import (
    find_overrides,
    find_source,
    read_overrides_file,
    self_contained,
)
from dexgrasp_ros.hand.tree import build_tree

LockedJoints = Mapping[str, float | None] | Iterable[str] | None


def load_hand(
    source: str | Path,
    *,
    root: str | None = None,
    locked_joints: LockedJoints = None,
    overrides: str | Path | None = None,
    mirrored: bool = False,
    progress: LoadCallback | None = None,
) -> HandModel:
    """Load a hand by name or from a URDF or xacro file.

    Parameters
    ----------
    source
        Name of a hand in the package's ``urdf`` folder, such as ``'allegro'``, or of its mirror
        image, ``'allegro_left'``; the path of any URDF file, or of a xacro file whose arguments
        have defaults; or the name of a module of robot_descriptions, where that is installed.
    root
        Link that becomes the hand's root, where the URDF has an arm above it.
    locked_joints
        Joints that stay where they are: their names (they stand at zero, or at the limit
        nearest to it), or names with positions, rad or m. Default: what the overrides say.
    overrides
        YAML file that says what the URDF does not (`HandOverrides` lists its keys). Default:
        the file of that hand, see `dexgrasp_ros.hand.sources.find_overrides`.
    mirrored
        Whether to make a left hand of a right one.
    progress
        Is told which link's mesh is being cut, where that was not done before: a few
        seconds for a hand of many meshes.

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
    found = find_source(source)
    return load_hand_text(
        found.text,
        name=found.name,
        root=root,
        locked_joints=locked_joints,
        base_folder=found.folder,
        overrides=overrides,
        mirrored=mirrored or found.mirrored,
        progress=progress,
    )


def load_hand_text(
    text: str,
    *,
    name: str | None = None,
    root: str | None = None,
    locked_joints: LockedJoints = None,
    base_folder: str | Path | None = None,
    overrides: str | Path | None = None,
    mirrored: bool = False,
    progress: LoadCallback | None = None,
) -> HandModel:
    """Make a hand from the text of a URDF, such as ``robot_description``.

    Parameters
    ----------
    text
        The document.
    name
        What to call the hand; the robot's own name where it is left out.
    root, locked_joints, overrides, mirrored, progress
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
        that is not there, FILE_NOT_FOUND for a collision mesh, UNSUPPORTED_HAND for a hand
        that cannot move or touch; as `read_overrides` for the overrides.
    """
    source = f"hand '{name}'" if name else 'the robot description'
    robot = parse_document(text, source)
    warnings: list[str] = []
    folder = None if base_folder is None else Path(base_folder).resolve()
    said = _overrides(robot, text, name, folder, overrides, source, warnings)
    said = effective(said, root, locked_joints)
    couple(robot, said)
    locked = locked_inside(robot, said.locked_joints, said.root)
    tree = build_tree(robot, source, root=said.root, locked=locked)
    warnings += tree.warnings
    check_preshape(said, tree, source)
    finder = MeshFinder(folder, warnings)
    shapes = collision_shapes(robot, tree, source, finder, warnings, progress)
    anatomy = find_anatomy(tree, shapes.geometry_links)
    derived = derive(tree, shapes, anatomy, point_spacings(shapes, anatomy, warnings), said)
    surface = {k: v for k, v in vars(derived.surface).items() if k != 'point_groups'}
    weights = anatomy.weights[shapes.geometry_links]
    hand = HandModel(
        name=name or robot.name,
        urdf=self_contained(text, said, finder),
        **{k: v for k, v in vars(tree).items() if k != 'warnings'},
        joint_stiffness=joint_stiffness(tree, said),
        **vars(derived.palm),
        **vars(shapes),
        group_weights=group_weights(weights, shapes, tree.link_names, said),
        group_fingers=anatomy.fingers[shapes.geometry_links],
        self_collision_pairs=allowed_pairs(derived.pairs, shapes, tree.link_names, said),
        **{
            **surface,
            'points': derived.surface.points.astype(np.float32),
            'normals': derived.surface.normals.astype(np.float32),
        },
        meshes=link_meshes(robot, tree.link_names, finder, warnings),
        warnings=tuple(warnings),
    )
    return mirror_hand(hand) if mirrored else hand


def _overrides(
    robot: object,
    text: str,
    name: str | None,
    folder: Path | None,
    given: str | Path | None,
    source: str,
    warnings: list[str],
) -> HandOverrides:
    """Find a hand's overrides; a file for another robot of its name does not count."""
    if given is not None:
        said, guessed = read_overrides_file(given), None
    else:
        said, guessed = find_overrides(text, stem=name, folder=folder)
    try:
        check_names(said, robot, source)
    except HandError as error:
        if guessed is None:
            raise
        warnings.append(f"'{guessed}' is for another robot of this name, so left out: {error}")
        return HandOverrides()
    return said
