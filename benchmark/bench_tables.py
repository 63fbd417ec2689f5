"""Tables of `dexgraspbench.py`: two verdicts on the same grasps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from markdown_tables import interval, share, table
from numpy.typing import NDArray
from records import Record
from scipy.spatial.transform import Rotation

Pairs = Sequence[tuple[Record, Record]]  # ours and theirs, of one object and part each
_HEAD = (
    *('hand', 'grasps', 'we hold', 'it holds', 'both', 'only we', 'only it', 'neither'),
    *('depth [mm]', 'gap [mm]', 'diversity'),
)


def tables(pairs: Pairs, best: int, seeds: int) -> Iterator[str]:
    """Yield a table of all, one by object, and the disagreements, for each setting.

    Parameters
    ----------
    pairs
        The records.
    best, seeds
        How many grasps were asked for of the best part, and of both.
    """
    for setting in dict.fromkeys(ours['setting'] for ours, _ in pairs):
        own = [pair for pair in pairs if pair[0]['setting'] == setting]
        groups = list(_groups(own, best, seeds))
        yield f'\n## {setting}\n'
        yield from table(_HEAD, (_row(*group) for group in groups))
        yield f'\n### {setting}, by object: we hold, it holds\n'
        names = list(dict.fromkeys(ours['object'] for ours, _ in own))
        rows = [[name, *(_counts(g[2], name, g[3]) for g in groups)] for name in names]
        yield from table(('object', *(f'{g[0]}, {g[1]}' for g in groups)), rows)
        yield f'\n### {setting}, disagreements\n'
        yield from _disagreements(own, best)


def _groups(pairs: Pairs, best: int, seeds: int) -> Iterator[tuple[str, str, Pairs, int]]:
    """Yield hand, what it is of, records, and how many grasps were asked for of an object."""
    for hand in dict.fromkeys(ours['hand'] for ours, _ in pairs):
        own = [pair for pair in pairs if pair[0]['hand'] == hand]
        yield hand, f'best {best} of {seeds}', [p for p in own if p[0]['part'] == 'best'], best
        both = Counter(ours['object'] for ours, _ in own)
        if whole := [p for p in own if both[p[0]['object']] == 2]:
            yield hand, f'all {seeds}', whole, seeds


def _row(hand: str, which: str, pairs: Pairs, asked: int) -> list[object]:
    objects = {ours['object'] for ours, _ in pairs}
    total = asked * len(objects)
    ours, theirs = (np.concatenate([p[k]['held_each'] for p in pairs]) > 0 for k in (0, 1))
    cells = [(ours & theirs), (ours & ~theirs), (~ours & theirs), (~ours & ~theirs)]
    return [
        hand,
        f'{which}, {len(objects)} objects',
        *(
            f'{share(int(v.sum()), total)} ({interval(int(v.sum()), total)})'
            for v in (ours, theirs)
        ),
        *(int(cell.sum()) for cell in cells),
        *(f'{1e3 * _mean(pairs, key):.2f}' for key in ('penetration', 'contact_distance')),
        ', '.join(f'{v:.2f}' for v in _diversity(pairs)),
    ]


def _mean(pairs: Pairs, key: str) -> float:
    return float(np.mean(np.concatenate([theirs[key] for _, theirs in pairs])))


def _diversity(pairs: Pairs) -> NDArray[np.float64]:
    """Variance that the first components explain, cumulative [3], as the task ``stat`` has it.

    The principal components are of the hand's place and rotation vector in the frame of the
    object, and of its joints.
    """
    qpos = np.concatenate([theirs['qpos'] for _, theirs in pairs if theirs['qpos']])
    pose = np.concatenate([theirs['obj_pose'] for _, theirs in pairs if theirs['obj_pose']])
    turn = Rotation.from_quat(pose[:, 3:], scalar_first=True).inv()
    hand = turn * Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    features = [turn.apply(qpos[:, :3] - pose[:, :3]), hand.as_rotvec(), qpos[:, 7:]]
    values = np.concatenate(features, axis=1)
    variance = np.linalg.svd(values - values.mean(axis=0), compute_uv=False) ** 2
    return np.cumsum(variance)[:3] / variance.sum()


def _counts(pairs: Pairs, name: str, asked: int) -> str:
    own = [p for p in pairs if p[0]['object'] == name]
    if not own:
        return '–'
    return ', '.join(f'{sum(p[k]["held"] for p in own)}/{asked}' for k in (0, 1))


def _disagreements(pairs: Pairs, best: int) -> Iterator[str]:
    rows, causes = [], Counter()
    for ours, theirs in pairs:
        for number, cause in theirs['causes'].items():
            n = int(number)
            held = ours['held_each'][n]
            who = 'only we hold' if held else 'only it holds'
            causes[who, cause] += 1
            first = 0 if ours['part'] == 'best' else best
            rows.append(
                [
                    f'{ours["hand"]}, {ours["object"]}, {n + first + 1}',
                    who,
                    f'{ours["cause"][n]}, {1e3 * ours["displacement"][n]:.0f} mm, '
                    f'{np.degrees(ours["rotation"][n]):.0f}°',
                    _said(theirs, n),
                    cause,
                ]
            )
    yield 'What makes our verdict the other: ' + '; '.join(
        f'{who}, {cause}: {count}' for (who, cause), count in causes.most_common()
    )
    yield ''
    yield from table(('grasp', 'verdicts', 'ours', 'its', 'what makes ours its'), rows)


def _said(theirs: Record, n: int) -> str:
    """Describe what the benchmark saw; it writes 100 where a hand starts more than 1 cm deep."""
    if theirs['moved'][n] >= 100:
        return 'starts in the object or in itself'
    return f'{1e3 * theirs["moved"][n]:.0f} mm, {theirs["turned"][n]:.0f}°'
