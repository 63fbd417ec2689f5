"""What is encoded is what any reader reads."""

import io

import numpy as np
import pytest
from PIL import Image

from dexgrasp_ros.dataset.render.png import encode_png

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ('shape', 'dtype', 'mode'),
    [((7, 5, 3), np.uint8, 'RGB'), ((1, 1), np.uint8, 'L'), ((30, 41), np.uint16, 'I;16')],
)
def test_pillow_reads_what_was_written(shape, dtype, mode):
    pixels = RNG.integers(0, np.iinfo(dtype).max, size=shape, endpoint=True, dtype=dtype)
    encoded = encode_png(pixels)
    read = Image.open(io.BytesIO(encoded))
    assert read.mode == mode
    np.testing.assert_array_equal(np.asarray(read), pixels)
    assert encoded == encode_png(pixels.copy())


def test_a_view_of_an_image_is_as_good_as_a_copy():
    pixels = RNG.integers(0, 255, size=(20, 30, 3), dtype=np.uint8)
    assert encode_png(pixels[::2, ::3]) == encode_png(pixels[::2, ::3].copy())
