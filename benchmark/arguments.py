"""What the command lines share: where the test data are, and which objects and hands of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

import tyro

Folder = tyro.conf.Positional[Path | None]
# Manufacturers' descriptions of the package's hands, in the test data.
MAKERS = (
    'allegro_simlab/allegro_hand_description/allegro_hand_description_right.urdf',
    'barrett_robotnik/barrett_hand_description/urdf/bh282.urdf',
    'shadow_official/sr_description/robots/shadow_hand_right_e3m5.urdf',
)


def test_data(part: str = '') -> Path:
    """Folder of the test data, or a part of it."""
    return Path(os.environ.get('DEXGRASP_TEST_DATA', '../shared/data')) / part


def find_meshes(folder: Path | None, names: Collection[str] = ()) -> dict[str, Path]:
    """Mesh files by the names of objects: all of a folder, by default the test data's, or some."""
    folder = folder or test_data('objects')
    found = {path.stem: path for path in sorted(folder.glob('*.obj'))}
    if missing := [name for name in names if name not in found]:
        raise SystemExit(f'{folder} has no {", ".join(missing)}')
    return {name: found[name] for name in names} if names else found


def find_makers(hands: Path) -> tuple[str, ...]:
    """Those of `MAKERS` that a folder has."""
    return tuple(str(hands / name) for name in MAKERS if (hands / name).is_file())


def check_names(what: str, names: Iterable[str], known: Collection[str]) -> None:
    """End the program where something is asked for that there is not."""
    if unknown := set(names) - set(known):
        raise SystemExit(f'no {what} {sorted(unknown)}; there are {list(known)}')
