"""The ways to guess the hidden side, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dexgrasp_ros.perception.completion.centers import guess_centers
from dexgrasp_ros.perception.completion.evidence import Evidence, Guess
from dexgrasp_ros.perception.completion.mirror import guess_mirrors
from dexgrasp_ros.perception.completion.revolution import guess_revolution
from dexgrasp_ros.perception.completion.ridges import guess_ridges


def guess_by_symmetry(evidence: Evidence) -> tuple[Guess, ...]:
    """Guess a solid of revolution where one fits the points; else by all other symmetries."""
    revolution = guess_revolution(evidence)
    if revolution.accepted:
        return (revolution,)
    return guess_mirrors(evidence), guess_centers(evidence), guess_ridges(evidence)


# Values of `ReconstructionConfig.completion`. The first is the best by measurement
# (docs/perception.md); the others are its parts.
GUESSES: Mapping[str, Callable[[Evidence], tuple[Guess, ...]]] = {
    'symmetry': guess_by_symmetry,
    'revolution': lambda evidence: (guess_revolution(evidence),),
    'mirrors': lambda evidence: (guess_mirrors(evidence),),
    'centers': lambda evidence: (guess_centers(evidence),),
    'ridges': lambda evidence: (guess_ridges(evidence),),
    'extrusion': lambda evidence: (),
}
