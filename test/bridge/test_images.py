import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from dexgrasp_ros.bridge.images import depth_array, depth_message, label_array, label_message
from dexgrasp_ros.core.errors import ErrorCode, InputError


def image(pixels, encoding, *, padding=0, big_endian=False):
    """A message made byte by byte, without the code that is tested."""
    pixels = np.asarray(pixels)
    stored = pixels.astype(pixels.dtype.newbyteorder('>' if big_endian else '<'))
    rows = [row.tobytes() + b'\xff' * padding for row in stored]
    return Image(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=int(big_endian),
        step=len(rows[0]),
        data=b''.join(rows),
    )


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize(
    ('encoding', 'dtype', 'unit'),
    [('32FC1', 'f4', 1.0), ('16UC1', 'u2', 1000.0), ('mono16', 'u2', 1000.0)],
)
def test_every_depth_encoding_gives_metres(encoding, dtype, unit, big_endian, padding):
    metres = np.array([[0.5, 1.25, 0.75], [2.0, 0.001, 3.0]])
    message = image(
        (metres * unit).astype(dtype), encoding, padding=padding, big_endian=big_endian
    )
    np.testing.assert_allclose(depth_array(message), metres, rtol=1e-6)


@pytest.mark.parametrize('padding', [0, 3])
@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize(
    ('encoding', 'dtype'),
    [('mono8', 'u1'), ('8UC1', 'u1'), ('16UC1', 'u2'), ('mono16', 'u2'), ('32SC1', 'i4')],
)
def test_every_label_encoding_keeps_its_numbers(encoding, dtype, big_endian, padding):
    labels = np.array([[0, 1, 200], [7, 255, 3]], dtype)
    message = image(labels, encoding, padding=padding, big_endian=big_endian)
    np.testing.assert_array_equal(label_array(message), labels)


def test_what_is_no_depth_becomes_zero():
    message = image(np.array([[np.nan, np.inf, -np.inf, -1.0, 0.0, 0.1, 0.5, 9.0]], 'f4'), '32FC1')
    depth = depth_array(message, min_depth=0.2, max_depth=5.0)
    np.testing.assert_allclose(depth, [[0, 0, 0, 0, 0, 0, 0.5, 0]])


@pytest.mark.parametrize('read', [depth_array, label_array])
@pytest.mark.parametrize('encoding', ['bgr8', '64FC1', '32fc1', ''])
def test_an_unknown_encoding_is_refused_with_the_ones_accepted(read, encoding):
    with pytest.raises(InputError, match='16UC1') as caught:
        read(image(np.ones((2, 2), 'u1'), encoding))
    assert caught.value.code == ErrorCode.UNKNOWN_ENCODING


@pytest.mark.parametrize('change', [{'step': 3}, {'height': 3}, {'width': 9}, {'height': 0}])
def test_sizes_that_do_not_fit_the_data_are_refused(change):
    message = image(np.ones((2, 2), 'f4'), '32FC1')
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(InputError) as caught:
        depth_array(message)
    assert caught.value.code == ErrorCode.WRONG_SHAPE


@pytest.mark.parametrize('factor', [2, 3])
def test_labels_are_resized_by_an_integer_factor(factor):
    labels = np.array([[1, 2, 3], [4, 5, 6]], 'u1')
    large = np.kron(labels, np.ones((factor, factor), 'u1'))
    np.testing.assert_array_equal(label_array(image(large, 'mono8'), (2, 3)), labels)
    np.testing.assert_array_equal(label_array(image(labels, 'mono8'), large.shape), large)


@pytest.mark.parametrize('shape', [(3, 4), (4, 9), (5, 6)])
def test_labels_of_another_shape_are_refused(shape):
    with pytest.raises(InputError) as caught:
        label_array(image(np.ones((4, 6), 'u1'), 'mono8'), shape)
    assert caught.value.code == ErrorCode.WRONG_SHAPE


@pytest.mark.parametrize(('encoding', 'step'), [('32FC1', 1e-6), ('16UC1', 5e-4)])
def test_depth_survives_the_way_there_and_back(encoding, step):
    depth = np.random.default_rng(0).uniform(0.3, 3.0, (5, 7)).astype(np.float32)
    depth[1, 2], depth[3, 4] = 0, np.nan
    back = depth_array(depth_message(depth, Header(), encoding))
    np.testing.assert_allclose(back, np.nan_to_num(depth), atol=step)


def test_a_label_that_does_not_fit_the_encoding_is_refused():
    with pytest.raises(InputError) as caught:
        label_message(np.array([[0, 300]]), Header(), 'mono8')
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
    np.testing.assert_array_equal(
        label_array(label_message(np.array([[0, 300]]), Header(), '16UC1')), [[0, 300]]
    )
