"""A cache folder with nothing in it but kernels that Warp compiled, which takes a minute."""

from __future__ import annotations

import os
from pathlib import Path


def make_cache(folder: Path) -> Path:
    """Make an empty cache in `folder`; return what XDG_CACHE_HOME is to be."""
    user = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    kernels = (user / 'warp').resolve()
    kernels.mkdir(parents=True, exist_ok=True)
    cache = folder / 'cache'
    cache.mkdir()
    (cache / 'warp').symlink_to(kernels)
    return cache
