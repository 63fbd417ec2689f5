"""From a URDF to a `HandModel`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from dexgrasp_ros.core.doors import names_its_file
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
from dexgrasp_ros.hand.before_palm import before_palm
from dexgrasp_ros.hand.derived import derive
from dexgrasp_ros.hand.digest import with_digest
from dexgrasp_ros.hand.document import parse_document
from dexgrasp_ros.hand.doubts import palm_doubts
from dexgrasp_ros.hand.drawing import link_meshes
from dexgrasp_ros.hand.joint_warnings import joint_warnings
from dexgrasp_ros.hand.meshes import MeshFinder
from dexgrasp_ros.hand.mirror import mirror_hand
from dexgrasp_ros.hand.mount import check_root
from dexgrasp_ros.hand.overrides import HandOverrides
from dexgrasp_ros.hand.pads import divide_jaws
from dexgrasp_ros.hand.plain_text import plain_document
from dexgrasp_ros.hand.points import point_spacings
from dexgrasp_ros.hand.shapes import collision_shapes
from dexgrasp_ros.hand.sources import (
    find_overrides,
    find_source,
    read_overrides_file,
    self_contained,
)
from dexgrasp_ros.hand.tree import build_tree

LockedJoints = Mapping[str, float | None] | Iterable[str] | None


@names_its_file
def load_hand(
    source: str | Path,
    *,
    root: str | None = None,
    locked_joints: LockedJoints = None,
    overrides: str | Path | None = None,
    mirrored: bool = False,
    xacro_args: Mapping[str, object] | None = None,
    progress: LoadCallback | None = None,
) -> HandModel:
    """Load a hand by name or from a URDF or xacro file.

    Parameters
    ----------
    source
        Name of a hand in the package's ``urdf`` folder, such as ``'allegro'``, or of its mirror
        image, ``'allegro_left'``; the path of any URDF or xacro file; or the name of a module of
        robot_descriptions, where that is installed.
    root
        Link that becomes the hand's root. It must be named, here or in the overrides, where the
        URDF has an arm above the hand.
    locked_joints
        Joints that stay where they are: their names (they stand at zero, or at the limit
        nearest to it), or names with positions, rad or m. Default: what the overrides say.
    overrides
        YAML file that says what the URDF does not (`HandOverrides` lists its keys). Default:
        the file of that hand, see `dexgrasp_ros.hand.sources.find_overrides`.
    mirrored
        Whether to make a left hand of a right one.
    xacro_args
        Values of a xacro file's arguments, by name; those that are left out have their defaults.
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
        UNKNOWN_HAND when there is neither a hand nor a file of that name; FILE_NOT_FOUND for a
        package, INVALID_INPUT for arguments that a xacro file does not have; otherwise as
        `load_hand_text`.
    """
    found = find_source(source, xacro_args)
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
    text: str | bytes,
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
        The document; bytes in the encoding that it declares.
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
        that is not there or that must be named, FILE_NOT_FOUND for a collision mesh,
        UNSUPPORTED_HAND for a hand that cannot move or touch; as `read_overrides` for the
        overrides.
    """
    source = f"hand '{name}'" if name else 'the robot description'
    text = plain_document(text, source)
    undrawn: list[tuple[str, str]] = []
    robot = parse_document(text, source, undrawn)
    warnings: list[str] = []
    folder = None if base_folder is None else Path(base_folder).resolve()
    said = _overrides(robot, text, name, folder, overrides, source, warnings)
    said = effective(said, root, locked_joints)
    couple(robot, said)
    locked = locked_inside(robot, said.locked_joints, said.root)
    tree = build_tree(robot, source, root=said.root, locked=locked)
    if said.root is None:
        check_root(tree, robot, source)
    warnings += [*tree.warnings, *joint_warnings(tree, robot)]
    warnings += [reason for link, reason in undrawn if link in tree.link_names]
    check_preshape(said, tree, source)
    finder = MeshFinder(folder, warnings)
    shapes = collision_shapes(robot, tree, source, finder, warnings, progress)
    anatomy = find_anatomy(tree, shapes)
    shapes = divide_jaws(shapes, anatomy)
    derived = derive(tree, shapes, anatomy, point_spacings(shapes, anatomy, warnings), said)
    warnings += palm_doubts(tree, anatomy, derived.palm, said)
    surface = {k: v for k, v in vars(derived.surface).items() if k != 'point_groups'}
    before = before_palm(tree, shapes, anatomy, derived.surface, derived.palm.palm_pose)
    weights = np.where(before, 0.0, anatomy.weights)[shapes.geometry_links]
    hand = HandModel(
        name=name or robot.name,
        urdf=self_contained(text, said, finder),
        **{k: v for k, v in vars(tree).items() if k != 'warnings'},
        joint_stiffness=joint_stiffness(tree, said),
        closing=derived.palm.closing,
        preshape=derived.palm.preshape,
        palm_pose=derived.palm.palm_pose,
        **vars(shapes),
        group_weights=group_weights(weights, shapes, tree.link_names, said),
        group_fingers=anatomy.fingers[shapes.geometry_links],
        group_before_palm=before[shapes.geometry_links],
        self_collision_pairs=allowed_pairs(derived.pairs, shapes, tree.link_names, said),
        **{
            **surface,
            'points': derived.surface.points.astype(np.float32),
            'normals': derived.surface.normals.astype(np.float32),
        },
        meshes=link_meshes(robot, tree.link_names, finder, warnings),
        warnings=tuple(warnings),
    )
    return mirror_hand(hand) if mirrored else with_digest(hand, robot, finder)


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
