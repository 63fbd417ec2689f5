"""The noise model does what its formulas say."""

import numpy as np
import pytest

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.simulation import SensorNoise, add_sensor_noise

AXIAL = {'quantization': 0.0, 'lateral': 0.0}


def flat(z, shape=(200, 200)):
    return np.full(shape, z, dtype=np.float32), np.zeros(shape, dtype=np.float32)


@pytest.mark.parametrize('z', [0.5, 0.8, 2.0])
def test_axial_noise_grows_as_published(z):
    depth, incidence = flat(z)
    measured = add_sensor_noise(depth, incidence, SensorNoise(**AXIAL), 0)
    expected = 0.0012 + 0.0019 * (z - 0.4) ** 2
    np.testing.assert_allclose(measured.std(), expected, rtol=0.03)
    assert abs(measured.mean() - z) < 0.05 * expected


def test_grazing_surfaces_are_noisier_and_then_lost():
    depth, incidence = flat(0.6)
    face_on = add_sensor_noise(depth, incidence, SensorNoise(**AXIAL), 0)
    aslant = add_sensor_noise(depth, incidence + 1.3, SensorNoise(**AXIAL), 0)
    lost = add_sensor_noise(depth, incidence + 1.5, SensorNoise(**AXIAL), 0)
    assert aslant.std() > 1.5 * face_on.std()
    assert not lost.any()


def test_quantization_steps_grow_with_the_square_of_depth():
    ramp = np.tile(np.linspace(0.5, 1.5, 20_000, dtype=np.float32), (3, 1))
    noise = SensorNoise(scale=0.0, lateral=0.0)
    measured = add_sensor_noise(ramp, np.zeros_like(ramp), noise, 0)
    levels = np.unique(measured)
    step, middle = np.diff(levels), (levels[1:] + levels[:-1]) / 2
    np.testing.assert_allclose(step, noise.quantization * middle**2, rtol=0.02)
    assert np.abs(measured - ramp).max() < 0.6 * noise.quantization * 1.5**2


def test_edges_fray_fly_and_fail_but_surfaces_do_not():
    depth, incidence = flat(1.0)
    depth[:, 100:] = 0.7
    noise = SensorNoise(scale=0.0, quantization=0.0)
    measured = add_sensor_noise(depth, incidence, noise, 0)
    np.testing.assert_array_equal(measured[:, :95], 1.0)
    np.testing.assert_array_equal(measured[:, 105:], np.float32(0.7))
    border = measured[:, 98:102]
    missing = (border == 0).mean()
    flying = ((border > 0.701) & (border < 0.999)).mean()
    assert 0.05 < missing < 0.5 and 0.05 < flying < 0.5


def test_nothing_stays_nothing_and_seeds_repeat():
    depth, incidence = flat(0.6)
    depth[:50] = np.inf
    first = add_sensor_noise(depth, incidence, SensorNoise(), 4)
    assert not first[:45].any() and first[60:].all()
    np.testing.assert_array_equal(first, add_sensor_noise(depth, incidence, SensorNoise(), 4))
    assert (first != add_sensor_noise(depth, incidence, SensorNoise(), 5)).mean() > 0.5


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match='flying'):
        SensorNoise(flying=2.0)
