"""Intervals of success rates."""

from __future__ import annotations

from scipy.special import ndtri


def wilson_interval(
    successes: int, trials: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of a rate after `successes` of `trials` (Wilson 1927), 0 … 1.

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with z the normal quantile. Of no trial at
    all, it is everything.
    """
    if trials == 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + 0.5 * confidence))
    p, share = successes / trials, z * z / trials
    half = z * (p * (1.0 - p) / trials + 0.25 * share / trials) ** 0.5
    low, high = (p + 0.5 * share - half) / (1.0 + share), (p + 0.5 * share + half) / (1.0 + share)
    # Rounding must not exclude what was measured.
    return min(max(low, 0.0), p), max(min(high, 1.0), p)
