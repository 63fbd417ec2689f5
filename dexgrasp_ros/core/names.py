"""Names that stand in files, made fit to be names of files: one name is never a path."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from dexgrasp_ros.core.errors import InputError

_UNSAFE = re.compile(r'[^A-Za-z0-9._-]+')
_NO_WORD = re.compile(r'[^A-Za-z0-9_]')
# Letters of a name. File systems take 255 bytes, and endings and temporary names come on top.
LONGEST_NAME = 150
_LONGEST_FILE = 200  # of such a name with its ending
_DIGEST = 8  # letters of the digest that tells shortened names apart


def safe_name(name: str, limit: int = LONGEST_NAME) -> str:
    """Return a name that file systems, Hive partitions and shells leave as it is.

    It has no slash and does not begin with a dot; a safe name stays as it is.
    """
    return shortened(_UNSAFE.sub('_', name).strip('._-') or 'unnamed', limit)


def shortened(name: str, limit: int = LONGEST_NAME) -> str:
    """Return a name of at most `limit` letters, with a digest of the whole in a longer one."""
    return name if len(name) <= limit else f'{name[: limit - _DIGEST - 1]}-{_digest(name)}'


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Return a safe name for each name; those that would share one have a digest behind it.

    Names that differ in case only share one, since some file systems do not tell them apart.
    """
    return _told_apart({name: safe_name(name) for name in names})


def word_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name of letters, digits and ``_`` for each name, told apart as safe ones are."""
    words = {n: _NO_WORD.sub('_', safe_name(n)).strip('_') or 'unnamed' for n in names}
    return {name: _NO_WORD.sub('_', told) for name, told in _told_apart(words).items()}


def _told_apart(names: dict[str, str]) -> dict[str, str]:
    """Put digests of the originals behind names that differ from others in case at most."""
    often = Counter(name.casefold() for name in names.values())
    return {
        name: told if often[told.casefold()] == 1 else safe_name(f'{told}-{_digest(name)}')
        for name, told in names.items()
    }


def path_within(root: Path, *names: str) -> Path:
    """Path of what is to be written below `root`: the names, made safe, one in the other.

    Raises
    ------
    InputError
        INVALID_INPUT: a link stands on that way, which may lead out of `root`.
    """
    path = root
    for name in names:
        path /= safe_name(name, _LONGEST_FILE)
        if path.is_symlink():
            raise InputError(
                f"'{path}' is a link, and may lead out of '{root}'; expected a file or folder "
                'that lies there.'
            )
    return path


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGEST]
