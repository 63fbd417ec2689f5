"""A box is as large as its file says, and where the file says nothing its size tells the unit."""

import re
import zipfile

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError
from dexgrasp_ros.object import read_mesh

SIZE = np.array([0.04, 0.06, 0.09])
METRES = {'millimeter': 0.001, 'centimeter': 0.01, 'inch': 0.0254, 'foot': 0.3048, 'meter': 1.0}


def box_in(unit):
    return trimesh.creation.box(SIZE / unit)


def collada(path, box, attributes):
    text = re.sub(r'<unit[^>]*/>', '', trimesh.exchange.dae.export_collada([box]).decode())
    path.write_text(text.replace('<asset>', f'<asset><unit {attributes}/>', 1))
    return path


@pytest.mark.parametrize('name', METRES)
def test_the_unit_of_a_collada_file_counts(tmp_path, name):
    unit = METRES[name]
    path = collada(tmp_path / 'box.dae', box_in(unit), f'name="{name}" meter="{unit}"')
    mesh, warnings = read_mesh(path)
    np.testing.assert_allclose(mesh.extents, SIZE, rtol=1e-6)
    assert warnings == []


@pytest.mark.parametrize('name', METRES)
def test_the_unit_of_a_3mf_file_counts(tmp_path, name):
    box_in(METRES[name]).export(tmp_path / 'as_written.3mf')  # in millimetres, it says
    with (
        zipfile.ZipFile(tmp_path / 'as_written.3mf') as before,
        zipfile.ZipFile(tmp_path / 'box.3mf', 'w') as after,
    ):
        for part in before.namelist():
            text = before.read(part).replace(b'unit="millimeter"', f'unit="{name}"'.encode())
            after.writestr(part, text)
    np.testing.assert_allclose(read_mesh(tmp_path / 'box.3mf')[0].extents, SIZE, rtol=1e-6)


def test_gltf_is_in_metres_whatever_it_notes(tmp_path):
    box = box_in(1.0)
    box.units = 'millimeters'
    box.export(tmp_path / 'box.glb')
    np.testing.assert_allclose(read_mesh(tmp_path / 'box.glb')[0].extents, SIZE, rtol=1e-6)


def test_scale_counts_beside_the_unit(tmp_path):
    path = collada(tmp_path / 'box.dae', box_in(0.001), 'name="inch" meter="0.0254"')
    with pytest.raises(ObjectError, match=r'millimetres \(scale 0\.03937 makes it 9 cm long\)'):
        read_mesh(path)
    np.testing.assert_allclose(read_mesh(path, scale=0.03937)[0].extents, SIZE, rtol=1e-4)


@pytest.mark.parametrize('unit', ['0', '-1', 'nan'])
def test_a_unit_that_is_none_is_refused(tmp_path, unit):
    path = collada(tmp_path / 'box.dae', box_in(1.0), f'name="x" meter="{unit}"')
    with pytest.raises(ObjectError, match='states its unit'):
        read_mesh(path)


@pytest.mark.parametrize(
    ('unit', 'words'),
    [
        (0.001, 'millimetres (scale 0.001 makes it 9 cm long) or centimetres (scale 0.01'),
        (0.01, 'centimetres (scale 0.01 makes it 9 cm long) or inches (scale 0.0254'),
        (0.0254, 'inches (scale 0.0254 makes it 9 cm long)'),
        (1000.0, 'millimetres were scaled twice: scale 1000'),
    ],
)
def test_all_likely_units_are_named_with_their_scale(unit, words):
    box = box_in(unit)
    with pytest.raises(ObjectError, match=re.escape(words)) as info:
        read_mesh((box.vertices, box.faces))
    assert info.value.code == ErrorCode.INVALID_MESH
    mesh, _ = read_mesh((box.vertices, box.faces), scale=unit)
    np.testing.assert_allclose(mesh.extents, SIZE)


def test_centimetres_taken_for_millimetres_are_warned_of():
    box = box_in(0.01)
    _, warnings = read_mesh((box.vertices, box.faces), scale=0.001)
    assert 'no longer than 9 mm' in warnings[0] and 'scale 0.01 ' in warnings[0]


def test_centimetres_taken_for_metres_are_warned_of():
    """A die of 1.5 cm is not too long to be held, only too thick."""
    die = trimesh.creation.box([1.5, 1.5, 1.5])
    _, warnings = read_mesh((die.vertices, die.faces))
    assert '150 cm thick' in warnings[0] and 'centimetres (scale 0.01 ' in warnings[0]


@pytest.mark.parametrize('scale', [-1.0, 0.0, np.nan])
def test_a_scale_that_is_none_is_refused(scale):
    box = box_in(1.0)
    with pytest.raises(InputError, match='scale'):
        read_mesh((box.vertices, box.faces), scale=scale)
