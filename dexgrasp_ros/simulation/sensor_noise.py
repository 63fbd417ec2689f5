"""What a structured-light or active-stereo depth camera makes of a true depth image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.config import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class SensorNoise:
    """Numbers of the noise model.

    Axial noise of a Kinect v1 (Nguyen, Izadi, Lovell 2012, Modeling Kinect Sensor Noise for
    Improved 3D Reconstruction and Tracking):
    ``σ(z) = 0.0012 + 0.0019 (z − 0.4)²`` m for surfaces that face the camera, and its growth
    ``0.0001 / √z · θ² / (π/2 − θ)²`` with the angle θ of incidence. Depth is quantized as
    disparity is: steps of q z² (q = 2.85e-3 1/m for a Kinect v1; Khoshelham and Elberink 2012).
    """

    scale: float = setting(1.0, '1', 'factor on the axial noise; 0 is a perfect sensor', 0.0, 10.0)
    # Neighbouring pixels share a correlation window, so that noise is no white noise.
    correlation: float = setting(1.0, 'px', 'standard deviation of the smoothing', 0.0, 10.0)
    quantization: float = setting(2.85e-3, '1/m', 'depth step divided by z²', 0.0, 0.1)
    lateral: float = setting(0.8, 'px', 'jitter of edges (0.8 px: Nguyen et al.)', 0.0, 5.0)
    flying: float = setting(0.25, '1', 'share of pixels at a depth edge that mix', 0.0, 1.0)
    missing: float = setting(0.35, '1', 'share of pixels at a depth edge that fail', 0.0, 1.0)
    grazing_angle: float = setting(1.40, 'rad', 'no depth beyond this incidence', 0.5, 1.5708)

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        check_ranges(self)


def add_sensor_noise(
    depth: NDArray[np.float32],
    incidence: NDArray[np.float32],
    noise: SensorNoise,
    random_seed: int,
) -> NDArray[np.float32]:
    """Return the depth that a sensor would measure; 0 is no measurement.

    Parameters
    ----------
    depth
        True depth [m], shape [H, W], inf where there is nothing.
    incidence
        Angle between ray and surface normal [rad], shape [H, W].
    noise
        How good the sensor is.
    random_seed
        The same seed gives the same image.
    """
    rng = np.random.default_rng(random_seed)
    valid = np.isfinite(depth)
    z = np.where(valid, depth, 0.0)
    edge = _edges(z, valid)
    z = _jitter(z, rng, noise.lateral)
    valid = z > 0
    angle = np.minimum(np.where(np.isfinite(incidence), incidence, 0.0), noise.grazing_angle)
    sigma = 0.0012 + 0.0019 * (z - 0.4) ** 2
    sigma += 0.0001 / np.sqrt(np.maximum(z, 0.1)) * angle**2 / (np.pi / 2 - angle) ** 2
    z = z + noise.scale * sigma * _correlated(rng, z.shape, noise.correlation)
    draw = rng.random(z.shape)
    flying = edge & (draw < noise.flying)
    z = np.where(flying, _mixed(z, valid, rng), z)
    if noise.quantization > 0:
        # Equal steps of 1/z are steps of q z² in z.
        with np.errstate(divide='ignore'):
            z = np.where(z > 0, 1 / (np.round(1 / z / noise.quantization) * noise.quantization), 0)
    lost = (edge & (draw > 1 - noise.missing)) | (incidence > noise.grazing_angle)
    return np.where(valid & ~lost & np.isfinite(z), z, 0).astype(np.float32)


def _edges(z: NDArray[np.floating], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels within one of a jump: more than 2 % of the depth, or to nothing."""
    low = ndimage.minimum_filter(z, size=3)
    high = ndimage.maximum_filter(z, size=3)
    return valid & (high - low > 0.02 * z)


def _jitter(
    z: NDArray[np.floating], rng: np.random.Generator, sigma: float
) -> NDArray[np.floating]:
    """Read each pixel from a place nearby, which frays the edges."""
    shift = np.round(rng.normal(0, sigma, (2, *z.shape))).astype(np.int64)
    row, column = np.indices(z.shape)
    row = np.clip(row + shift[0], 0, z.shape[0] - 1)
    column = np.clip(column + shift[1], 0, z.shape[1] - 1)
    moved = z[row, column]
    # On one surface the depth of the pixel itself is the right one.
    return np.where(np.abs(moved - z) > 0.02 * z, moved, z)


def _correlated(
    rng: np.random.Generator, shape: tuple[int, ...], correlation: float
) -> NDArray[np.floating]:
    """Gaussian noise of unit variance, smoothed over some pixels."""
    noise = rng.normal(size=shape)
    if correlation > 0:
        noise = ndimage.gaussian_filter(noise, correlation)
        # White noise smoothed by a Gaussian keeps the variance 1 / (4π σ²) in two dimensions.
        noise /= noise.std()
    return noise


def _mixed(
    z: NDArray[np.floating], valid: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.floating]:
    """Depths between the nearest and the farthest neighbour: what a mixed pixel reports."""
    low = ndimage.minimum_filter(np.where(valid, z, np.inf), size=3)
    high = ndimage.maximum_filter(np.where(valid, z, -np.inf), size=3)
    share = rng.random(z.shape)
    with np.errstate(invalid='ignore'):
        return np.where(valid, low + share * (high - low), z)
