"""What a row of a dataset's Parquet files holds: columns, units, frames, meanings.

Poses are [x y z qx qy qz qw] in metres, in the frame of the object's mesh unless the name says
otherwise. Lists have one length in a file: J joints of the hand, `CONTACTS` contacts. A change of
what is here is a new `SCHEMA_VERSION`: the first number for readers that must change, the second
for columns that only came to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = '1.1'
CONTACTS = 16  # places for contacts in a row; of more, those with the largest forces are kept
FREE = -1  # `scene` of a grasp of the object alone, with no table


@dataclass(frozen=True)
class Column:
    """One column: its type, how many numbers a row has ('J': one for each joint), its meaning."""

    name: str
    kind: str  # a type of pyarrow
    size: int | str  # 0: one value; else the length of the list
    text: str  # meaning, with unit and frame


# What each row of `grasps/` holds. `hand` and `object` are in the names of the folders.
GRASP_COLUMNS = (
    Column('key', 'string', 0, 'hand/object/number: unique in the dataset'),
    Column('mesh', 'string', 0, 'digest of the mesh, its name in meshes/'),
    Column('scene', 'int16', 0, f'resting pose in scenes/; {FREE}: the free object, no table'),
    Column('support_plane', 'float32', 4, 'n, d of the table, free side n·x + d > 0; NaN: none'),
    Column('base_pose', 'float32', 7, 'root link of the hand at grasp and squeeze'),
    Column('pregrasp_base_pose', 'float32', 7, 'root link at the pre-grasp'),
    Column('pregrasp', 'float32', 'J', 'joints before the hand comes near [rad or m]'),
    Column('grasp', 'float32', 'J', 'joints about the object, not yet touching [rad or m]'),
    Column('squeeze', 'float32', 'J', 'joints commanded to hold it [rad or m]'),
    Column('seed', 'uint32', 0, 'random seed of the search that found it'),
    Column('seed_index', 'int32', 0, 'which candidate of that search it was'),
    Column('score', 'float32', 0, 'of the search, higher is better'),
    Column('residual', 'float32', 0, 'energy left after a unit test wrench, 0 to 0.5'),
    Column(
        'least_friction',
        'float32',
        0,
        'of the search: the least at which it still holds as simulated there; NaN: none, unknown',
    ),
    Column(
        'largest_pull',
        'float32',
        0,
        'N, of the search: the largest force along any axis that it holds so; NaN likewise',
    ),
    Column('contact_count', 'int16', 3, 'links within 1, 2, 5 mm of the mesh at the grasp'),
    Column('contact_area', 'float32', 3, 'm^2 within 1, 2, 5 mm'),
    Column('contact_links', 'int16', CONTACTS, 'link of each planned contact, -1: unused'),
    Column('contact_points', 'float32', 3 * CONTACTS, 'm, on hand or object; NaN: unused'),
    Column('contact_normals', 'float32', 3 * CONTACTS, 'unit, into the object'),
    Column('contact_forces', 'float32', 3 * CONTACTS, 'N, of hand on object; 0: bears none'),
    Column('epsilon', 'float32', 0, 'Ferrari-Canny metric; see `metrics` of dataset.json'),
    Column('volume', 'float32', 0, 'of that hull, likewise'),
    Column('penetration', 'float32', 0, 'm, hand in the mesh at the grasp'),
    Column('self_penetration', 'float32', 0, 'm, hand in itself; NaN where not simulated'),
    Column('tip_distance', 'float32', 0, 'm, mean of the fingertips, each at most 0.01'),
    Column('protocol', 'string', 0, 'of the shake test'),
    Column('shaken', 'bool', 0, 'whether it was shaken; else nobody knows whether it holds'),
    Column('held', 'bool', 0, 'whether the object was held; false where it was not shaken'),
    Column('cause', 'string', 0, "'held', where it failed, or 'not shaken'"),
    Column('motion', 'string', 0, 'what the object did where it failed'),
    Column(
        'displacement',
        'float32',
        0,
        'm, of the object in the end or once at rest, worst direction; NaN: never held',
    ),
    Column('rotation', 'float32', 0, 'rad, likewise'),
    Column(
        'closing_displacement',
        'float32',
        0,
        'm, once the hand had squeezed; NaN: it did not get there',
    ),
)

# What files of older versions say, without the column: all of 1.0 were shaken.
BEFORE = {'shaken': True, 'least_friction': float('nan'), 'largest_pull': float('nan')}

# What each row of `frames/` holds: one camera that looked at one scene.
FRAME_COLUMNS = (
    Column('key', 'string', 0, 'of the images in the tar: <key>.<channel>.png'),
    Column('mesh', 'string', 0, 'digest of the mesh of the object'),
    Column('scene', 'int16', 0, 'resting pose in scenes/'),
    Column('view', 'int16', 0, 'number of the camera'),
    Column('eye', 'string', 0, "'mono', or 'left' and 'right' of a stereo pair"),
    Column('baseline', 'float32', 0, 'm between the eyes of a pair; 0: mono'),
    Column('width', 'int32', 0, 'px'),
    Column('height', 'int32', 0, 'px'),
    Column('K', 'float64', 9, 'intrinsics, row by row; pixel centres at integers'),
    Column('T_world_cam', 'float64', 16, 'optical frame (z forward, y down) in the world, rows'),
    Column('T_world_object', 'float64', 16, 'frame of the mesh in the world, rows; table z = 0'),
    Column('depth_scale', 'float32', 0, 'm for one unit of the depth image; 0 in it: nothing'),
    Column('label', 'int16', 0, 'of the object in the segmentation; 0 background, 1 table'),
    Column('box_2d', 'float32', 4, 'visible part: left, top, right, bottom [px], both ends in'),
    Column('box_3d', 'float32', 10, 'its frame in the mesh frame [7] and full extents [3] m'),
    Column('visible_share', 'float32', 0, 'of the pixels that it covers if nothing hides it'),
    Column('appearance_seed', 'uint32', 0, 'of lights, colours and textures'),
    Column(
        'noise', 'string', 0, "sensor model of the noisy depth image; 'none': there is no such"
    ),
)

# What each row of the tables in `clutter/` holds: one object in one image.
CLUTTER_COLUMNS = (
    Column('object', 'string', 0, 'key of the object; its other columns are as in frames/'),
    *FRAME_COLUMNS,
)


def fits(column: Column, kind: pa.DataType) -> bool:
    """Whether a type of pyarrow is that of a column, with any number of joints."""
    import pyarrow as pa

    of_one = arrow_type(column)
    if not column.size:
        return kind == of_one
    is_list = pa.types.is_fixed_size_list(kind) and kind.value_type == of_one
    return is_list and column.size in ('J', kind.list_size)


def arrow_type(column: Column) -> pa.DataType:
    """Type of one value of a column."""
    import pyarrow as pa

    return pa.bool_() if column.kind == 'bool' else getattr(pa, column.kind)()


def arrow_schema(columns: tuple[Column, ...], joints: int = 0) -> pa.Schema:
    """Columns as pyarrow's schema; each field's metadata says what it means."""
    import pyarrow as pa

    fields = []
    for column in columns:
        kind = arrow_type(column)
        size = joints if column.size == 'J' else column.size
        fields.append(
            pa.field(
                column.name,
                pa.list_(kind, size) if size else kind,
                nullable=False,
                metadata={'description': column.text},
            )
        )
    return pa.schema(fields)
