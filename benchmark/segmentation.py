"""Labels of `segment_tabletop` against human masks, derived labels and rendered truth.

    .venv/bin/python benchmark/segmentation.py [--data FOLDER] [--seeds 8] [--out FILE.md]
        [--pictures DIR]

FOLDER is the test data's: its `scenes` are the real frames, its `objects` what is rendered (see
`tabletop_scenes`). Objects are matched to labels one to one so that the sum of their overlaps is
the greatest (Hungarian method); an object without a label has overlap 0. All counts are of pixels
with valid depth, and objects of fewer than `min_points` such pixels are left out. An object is
*split* where two labels or more lie in it with most of their pixels and cover a tenth of it each;
a label is *merged* where it covers most of two objects, *extra* where most of it is on no object.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from arguments import test_data
from markdown_tables import show, table
from numpy.typing import NDArray
from records import TUNED
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from tabletop_scenes import ARRANGEMENTS, make_scene

from dexgrasp_ros import load_scene
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.perception import SegmentationConfig, segment_tabletop
from dexgrasp_ros.simulation import save_picture

_TUNED_FRAMES = ('mosd_learn3',)
_SPLIT_SHARE = 0.1  # of an object, that each of the labels in it covers
_GOOD = 0.8  # overlap from which a label serves for reconstruction
_HEAD = ('matched', 'overlap', 'precision', 'recall', f'≥ {_GOOD}', 'split', 'merged', 'extra',
         'CPU [s]')  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Score:
    """How labels agree with the truth, over objects."""

    overlap: NDArray[np.float64]  # [N] intersection over union
    precision: NDArray[np.float64]  # [N] share of the label's pixels that are the object's
    recall: NDArray[np.float64]  # [N] share of the object's pixels that have the label
    split: int  # objects
    merged: int  # labels
    extra: int  # labels
    seconds: float = 0.0  # of the processor


def score_labels(
    truth: NDArray[np.integer], found: NDArray[np.integer], valid: NDArray[np.bool_], least: int
) -> Score:
    """Compare two label images [H, W] over the `valid` pixels; see the module."""
    objects = [n for n in np.unique(truth[valid]) if n and (truth[valid] == n).sum() >= least]
    labels = [n for n in np.unique(found[valid]) if n]
    both = np.array(
        [[(valid & (truth == a) & (found == b)).sum() for b in labels] for a in objects], float
    ).reshape(len(objects), len(labels))
    of_object = np.array([(valid & (truth == a)).sum() for a in objects], float)[:, None]
    of_label = np.array([(valid & (found == b)).sum() for b in labels], float)[None]
    overlap = both / (of_object + of_label - both)
    rows, columns = linear_sum_assignment(-overlap)

    def matched(values: NDArray) -> NDArray[np.float64]:
        result = np.zeros(len(objects))
        result[rows] = values[rows, columns]
        return result

    inside, covered = both / of_label, both / of_object
    return Score(
        overlap=matched(overlap),
        precision=matched(inside),
        recall=matched(covered),
        split=int((((inside > 0.5) & (covered > _SPLIT_SHARE)).sum(axis=1) > 1).sum()),
        merged=int(((covered > 0.5).sum(axis=0) > 1).sum()),
        extra=int((both.sum(axis=0) < 0.5 * of_label[0]).sum()),
    )


def main(
    *,
    data: Path | None = None,
    seeds: int = 8,
    out: Path | None = None,
    pictures: Path | None = None,
) -> None:
    """Print the tables."""
    data = data or test_data()
    show(_tables(data, seeds, pictures), out)


def _tables(data: Path, seeds: int, pictures: Path | None) -> Iterator[str]:
    yield from ('Real frames:', '', *_real_table(data / 'scenes', pictures))
    yield from ('', 'Real frames, each object by a prompt:', '', *_prompt_table(data / 'scenes'))
    if seeds:
        yield from ('', f'Rendered, {seeds} scenes of five objects in each row:', '')
        yield from _rendered_table(data / 'objects', seeds, pictures)


def _real_table(folder: Path, pictures: Path | None) -> Iterator[str]:
    rows, human, untuned, derived = [], [], [], []
    for path in sorted(folder.glob('*.npz')):
        score = _score(load_scene(path), path.stem, pictures)
        name = f'{path.stem} (tuned on)' if path.stem in _TUNED_FRAMES else path.stem
        rows.append((name, _truth(path), *_cells([score])))
        (human if _truth(path) == 'human' else derived).append(score)
        if _truth(path) == 'human' and path.stem not in _TUNED_FRAMES:
            untuned.append(score)
    for title, chosen in (
        ('**human masks, all**', human),
        ('**human masks, not tuned on**', untuned),
        ('**derived labels**', derived),
    ):
        if chosen:
            rows.append((title, '', *_cells(chosen)))
    return table(('frame', 'truth', 'objects', *_HEAD), rows)


def _truth(path: Path) -> str:
    return 'human' if path.stem.startswith('mosd') else 'derived'


def _prompt_table(folder: Path) -> Iterator[str]:
    """Overlap of what is found at the middle pixel of each object, and in the box around it."""
    head = ('frame', 'truth', 'objects', 'pixel: overlap', 'box: overlap')
    rows = []
    for path in sorted(folder.glob('*.npz')):
        frame = load_scene(path)
        valid = np.isfinite(frame.depth) & (frame.depth > 0)
        found: dict[str, list[float]] = {'point': [], 'box': []}
        for label in np.unique(frame.labels[frame.labels > 0]):
            own = (frame.labels == label) & valid
            for kind, prompt in _prompts(own).items():
                try:
                    mask = valid & (segment_tabletop(frame, **{kind: prompt}).labels == 1)
                except DexGraspError:
                    mask = np.zeros_like(own)
                found[kind].append(float((own & mask).sum() / (own | mask).sum()))
        cells = [' '.join(f'{v:.2f}' for v in found[kind]) for kind in ('point', 'box')]
        rows.append((path.stem, _truth(path), len(found['box']), *cells))
    return table(head, rows)


def _prompts(own: NDArray[np.bool_]) -> dict[str, tuple[float, ...]]:
    """Pixel of an object farthest from its outline, and the box around it, 5 px wider."""
    v, u = np.unravel_index(int(ndimage.distance_transform_edt(own).argmax()), own.shape)
    rows, columns = np.nonzero(own)
    low = np.array([columns.min(), rows.min()]) - 5
    size = np.array([columns.max(), rows.max()]) + 6 - low
    return {'point': (float(u), float(v)), 'box': (*map(float, low), *map(float, size))}


def _rendered_table(folder: Path, seeds: int, pictures: Path | None) -> Iterator[str]:
    names = sorted(p.stem for p in folder.glob('*.obj'))
    halves = {
        'tuned on': [n for n in names if n in TUNED],
        'not tuned on': [n for n in names if n not in TUNED],
    }
    rows = []
    for arrangement in ARRANGEMENTS:
        for half, chosen in halves.items():
            frames = [make_scene(folder, chosen, arrangement, seed) for seed in range(seeds)]
            for colors in (True, False):
                scores = [
                    _score(
                        frame if colors else dataclasses.replace(frame, rgb=None),
                        f'{arrangement}_{half.replace(" ", "_")}_{i}',
                        pictures if colors else None,
                    )
                    for i, frame in enumerate(frames)
                ]
                title = arrangement if colors else f'{arrangement}, no colours'
                rows.append((title, half, *_cells(scores)))
    return table(('objects are', 'half', 'objects', *_HEAD), rows)


def _score(frame: DepthFrame, name: str, pictures: Path | None) -> Score:
    start = time.process_time()
    try:
        labels = segment_tabletop(dataclasses.replace(frame, T_world_cam=None)).labels
    except DexGraspError as error:
        print(f'{name}: {error.code.name}: {error}')
        labels = np.zeros(frame.depth.shape, np.int32)
    seconds = time.process_time() - start
    if pictures is not None:
        _draw(frame, labels, pictures / f'{name}.png')
    valid = np.isfinite(frame.depth) & (frame.depth > 0)
    score = score_labels(frame.labels, labels, valid, SegmentationConfig().min_points)
    return dataclasses.replace(score, seconds=seconds)


def _cells(scores: Sequence[Score]) -> list[str]:
    def joined(values: Iterable[NDArray]) -> NDArray:
        return np.concatenate(list(values))

    overlap = joined(s.overlap for s in scores)
    return [
        str(len(overlap)),
        str(int((overlap > 0).sum())),
        f'{overlap.mean():.3f} (least {overlap.min():.2f})',
        f'{joined(s.precision for s in scores).mean():.3f}',
        f'{joined(s.recall for s in scores).mean():.3f}',
        f'{(overlap >= _GOOD).sum()}',
        str(sum(s.split for s in scores)),
        str(sum(s.merged for s in scores)),
        str(sum(s.extra for s in scores)),
        f'{np.median([s.seconds for s in scores]):.2f}',
    ]


def _draw(frame: DepthFrame, labels: NDArray[np.int32], path: Path) -> None:
    """Truth and labels over the colours, side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    palette = np.random.default_rng(5).integers(60, 255, (int(labels.max()) + 300, 3))
    palette[0] = 0
    base = np.zeros((*labels.shape, 3)) if frame.rgb is None else frame.rgb
    views = [0.45 * base + 0.55 * palette[image] for image in (frame.labels, labels)]
    save_picture(np.hstack(views).astype(np.uint8), path)


if __name__ == '__main__':
    tyro.cli(main)
