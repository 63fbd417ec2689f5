"""Ways to guess the hidden side that were compared and are not in the package."""

VARIANTS: dict = {}
