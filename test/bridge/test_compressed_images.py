"""Images as image_transport compresses them; the writers here are made after its format."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

pytest.importorskip('rclpy')

from compressed import compressed_depth, compressed_file, file_bytes, rvl_bytes
from sensor_msgs.msg import CompressedImage, Image

from dexgrasp_ros.bridge.color_images import color_array
from dexgrasp_ros.bridge.compressed_images import as_color_image, as_image
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.images import depth_array, depth_message, label_array, label_message
from dexgrasp_ros.bridge.rvl import decode_rvl
from dexgrasp_ros.core.errors import ErrorCode, InputError

HEAD = header('camera', 12)


@pytest.fixture(scope='module')
def depth():
    """Metres with holes, steps up and down, and a row that is nothing but holes."""
    depth = np.random.default_rng(0).uniform(0.3, 3.0, (24, 32)).astype(np.float32)
    depth[5], depth[7, 3:9], depth[-1, -4:] = 0, 0, 0
    return depth


@pytest.mark.parametrize('form', ['png', 'rvl'])
def test_millimetres_stay_as_they_are(depth, form):
    raw = depth_message(depth, HEAD, '16UC1')
    message = as_image(compressed_depth(depth, HEAD, '16UC1', form))
    assert (message.encoding, message.header) == ('16UC1', HEAD)
    assert bytes(message.data) == bytes(raw.data)


@pytest.mark.parametrize('form', ['png', 'rvl'])
def test_metres_come_back_within_the_step_of_their_quantisation(depth, form):
    message = as_image(compressed_depth(depth, HEAD, '32FC1', form))
    assert message.encoding == '32FC1'
    found = depth_array(message)
    np.testing.assert_array_equal(found > 0, depth > 0)
    # q is a whole number of a / z, so that z is known up to z² / a; a is 100 * 101 by default.
    assert (np.abs(found - depth) <= depth**2 / 10100 + 1e-6).all()


def test_an_image_that_is_not_compressed_passes():
    message = depth_message(np.ones((2, 2), np.float32), HEAD)
    assert as_image(message) is message and as_color_image(message) is message


@pytest.mark.parametrize('encoding', ['mono8', '8UC1', '16UC1', 'mono16'])
def test_labels_in_a_png_keep_their_numbers(encoding):
    labels = np.array([[0, 1, 200], [7, 255, 3]])
    message = compressed_file(labels.astype('u1' if '8' in encoding else 'u2'), HEAD, encoding)
    np.testing.assert_array_equal(label_array(as_image(message)), labels)


def test_depth_in_a_png_or_a_tiff_is_depth(depth):
    millimetres = np.rint(depth * 1000).astype('u2')
    found = depth_array(as_image(compressed_file(millimetres, HEAD, '16UC1')))
    np.testing.assert_allclose(found, depth, atol=6e-4)
    found = depth_array(as_image(compressed_file(depth, HEAD, '32FC1', 'tiff')))
    np.testing.assert_array_equal(found, depth)


@pytest.mark.parametrize(('kind', 'error'), [('png', 0), ('jpeg', 3)])
@pytest.mark.parametrize('told', ['rgb8', 'bgr8'])
def test_colours_are_red_green_and_blue_whatever_the_camera_called_them(kind, error, told):
    rgb = np.zeros((32, 64, 3), np.uint8)  # halves of whole blocks, so that none is of both
    rgb[:, :32], rgb[:, 32:] = (200, 30, 60), (20, 150, 90)
    found = color_array(as_color_image(compressed_file(rgb, HEAD, told, kind)))
    assert np.abs(found.astype(int) - rgb).mean() <= error


def test_labels_in_a_jpeg_are_refused():
    message = compressed_file(np.zeros((8, 8), np.uint8), HEAD, 'mono8', 'jpeg')
    with pytest.raises(InputError, match='PNG') as caught:
        as_image(message)
    assert caught.value.code == ErrorCode.UNKNOWN_ENCODING


def test_colours_in_place_of_labels_are_refused():
    message = compressed_file(np.zeros((8, 8, 3), np.uint8), HEAD, 'rgb8')
    with pytest.raises(InputError, match='one whole number') as caught:
        as_image(message)
    assert caught.value.code == ErrorCode.UNKNOWN_ENCODING


@pytest.mark.parametrize(
    'message',
    [
        CompressedImage(format='16UC1; compressedDepth png', data=b''),
        CompressedImage(format='16UC1; compressedDepth png', data=bytes(12) + b'no file'),
        CompressedImage(format='16UC1; compressedDepth rvl', data=bytes(12)),
        CompressedImage(format='16UC1; compressedDepth rvl', data=bytes(14)),
        CompressedImage(format='png', data=b'\x89PNG'),
        CompressedImage(format='', data=b'GIF89a'),
    ],
    ids=['empty', 'no png', 'no size', 'half a size', 'cut', 'another kind'],
)
def test_damaged_data_are_a_coded_error(message):
    with pytest.raises(InputError):
        as_image(message)


@pytest.mark.parametrize('form', ['png', 'rvl'])
def test_data_cut_anywhere_give_a_coded_error(depth, form):
    whole = compressed_depth(depth, HEAD, '16UC1', form)
    for length in range(12, len(whole.data) - 4, 97):
        cut = CompressedImage(format=whole.format, data=whole.data[:length])
        with pytest.raises(InputError):
            as_image(cut)


def test_a_size_that_takes_the_memory_is_refused_before_it_is_taken():
    data = bytes(12) + struct.pack('<II', 2**20, 2**20)
    with pytest.raises(InputError) as caught:
        as_image(CompressedImage(format='16UC1; compressedDepth rvl', data=data))
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
    file = bytearray(file_bytes(np.zeros((2, 2), np.uint8), 'png'))
    file[16:24] = struct.pack('>II', 2**13, 2**13 + 1)  # its header says so, with a sum behind it
    file[29:33] = struct.pack('>I', zlib.crc32(file[12:29]))
    with pytest.raises(InputError) as caught:
        as_image(CompressedImage(format='mono8; png compressed ', data=bytes(file)))
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_rvl_by_hand():
    """0 0 1000 1001 0 5: two zeros, two steps +1000 and +1; one zero, one step -996.

    In octal digits, low ones first: 2 | 2 | 2000 = 03720 in zigzag | 2 | 1 | 1 | 1991 = 03707.
    """
    nibbles = [0x2, 0x2, 0x8, 0xA, 0xF, 0x3, 0x2, 0x1, 0x1, 0xF, 0x8, 0xF, 0x3]
    nibbles += [0] * (-len(nibbles) % 8)
    words = [
        sum(n << (28 - 4 * i) for i, n in enumerate(nibbles[k : k + 8]))
        for k in range(0, len(nibbles), 8)
    ]
    data = struct.pack('<II', 3, 2) + struct.pack(f'<{len(words)}I', *words)
    expected = np.array([[0, 0, 1000], [1001, 0, 5]], np.uint16)
    np.testing.assert_array_equal(decode_rvl(data, 100), expected)
    assert rvl_bytes(expected) == data


@pytest.mark.parametrize('shape', [(1, 1), (1, 40), (30, 7)])
@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_rvl_of_anything(shape, share):
    rng = np.random.default_rng(3)
    pixels = np.where(rng.random(shape) < share, rng.integers(0, 2**16, shape), 0).astype('u2')
    np.testing.assert_array_equal(decode_rvl(rvl_bytes(pixels), 10**4), pixels)


def test_a_run_beyond_the_image_is_refused():
    data = struct.pack('<II', 2, 2) + struct.pack('<I', 0x2FFFFFF1)
    with pytest.raises(InputError, match='last pixel'):
        decode_rvl(data, 100)


def test_the_raw_label_message_passes():
    message = label_message(np.ones((2, 2), int), HEAD)
    assert isinstance(as_image(message), Image)
