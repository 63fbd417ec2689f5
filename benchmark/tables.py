"""Every table of success in the shake test, with one command; run it again and it goes on.

    .venv/bin/python benchmark/tables.py [--parts allegro ranking …] [--random-seeds 0 1 2]
        [--objects 025_mug …] [--out FOLDER]

Hours on two cores. Runs `success.py` and `ablation.py`, which say what each column means, for the
hands of the package and their manufacturers' descriptions, by each protocol: the best 16 of 128
seeds, the same about a perturbed object, ranked without simulated closings and by MuJoCo itself,
all attempted seeds, and what each term of the search is worth. Results are lines of JSON in
``--out``, and the tables so far are in `tables.md` there after each part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ablation
import success
import tyro
from arguments import Folder, check_names, find_makers, test_data
from records import TUNED

# Options of `success.py`; the parts in `ONCE` are made with the first random seed only.
PARTS: dict[str, dict[str, Any]] = {
    'allegro': {'protocols': ('fc',), 'perturb': True},
    'protocols': {'protocols': ('hard', 'tabletop')},
    'hands': {'hands': ('shadow', 'barrett')},
    'makers': {},
    'ranking': {'protocols': ('fc', 'hard'), 'unsimulated': True, 'verify': True},
    'attempted': {'protocols': ('fc', 'hard'), 'attempted': True},
}
ONCE = ('makers', 'ranking', 'attempted')
ABLATION = 'ablation'


def main(
    folder: Folder = None,
    *,
    parts: tuple[str, ...] = (*PARTS, ABLATION),
    random_seeds: tuple[int, ...] = (0, 1, 2),
    objects: tuple[str, ...] = (),
    variants: tuple[str, ...] = tuple(ablation.VARIANTS),
    seed_count: int = 128,
    max_grasps: int = 16,
    device: str = 'auto',
    out: Path = Path('out/tables'),
) -> None:
    """Make what is missing and write the tables of the `objects` and `hands` in a folder."""
    folder = folder or test_data()
    check_names('parts', parts, [*PARTS, ABLATION])
    plans = PARTS | {'makers': {'hands': find_makers(folder / 'hands')}}
    common = {'seed_count': seed_count, 'max_grasps': max_grasps, 'device': device}
    page = ['# Success in the shake test']
    for part in parts:
        seeds = random_seeds if part in PARTS and part not in ONCE else random_seeds[:1]
        options = common | {'random_seeds': seeds, 'out': out / f'{part}.jsonl'}
        if part == ABLATION:
            own = tuple(name for name in objects or TUNED if name in TUNED) or objects
            options |= {'objects': own, 'protocol': 'hard', 'variants': variants}
            lines = ablation.main(folder / 'objects', **options)
        else:
            lines = success.main(folder / 'objects', objects=objects, **options, **plans[part])
        page += [f'\n## {part.capitalize()}', *lines]
        (out / 'tables.md').write_text('\n'.join(page) + '\n')


if __name__ == '__main__':
    tyro.cli(main)
