"""What a dataset holds, in numbers: success, contacts, quality, diversity, causes of failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import DexGraspError, InputError
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.reading.grasp_dataset import GraspDataset
from dexgrasp_ros.dataset.reading.reader import open_dataset
from dexgrasp_ros.dataset.reading.row_arrays import Arrays, join_arrays, read_arrays
from dexgrasp_ros.dataset.reading.selection import known_hands, known_objects, read_manifest
from dexgrasp_ros.dataset.schema import FREE
from dexgrasp_ros.dataset.statistics.file_statistics import disk_usage, failures, stage_costs
from dexgrasp_ros.evaluation.diversity import distinct_count, explained_variance
from dexgrasp_ros.evaluation.intervals import wilson_interval

# Edges of the histogram of epsilon; the largest of a good grasp by many fingers is about 0.4.
EPSILON_EDGES = np.linspace(0.0, 0.5, 26)
MOST_CONTACTS = 16  # of the histogram of contacts; more count as this many
DIVERSITY_SAMPLE = 200  # grasps of an object at most; distinct ones are counted in pairs
_NEAR = 1  # which column of `contact_count`: links within 2 mm
_COLUMNS = (
    *('scene', 'shaken', 'held', 'cause', 'motion', 'epsilon', 'penetration', 'contact_count'),
    *('base_pose', 'grasp'),
)


@dataclass(kw_only=True)
class _Tally:
    """Sums over the grasps of one hand."""

    # By whether they held; None: not shaken, which nothing else here but diversity counts.
    free: Counter[bool | None] = field(default_factory=Counter)
    settled: Counter[bool | None] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    # Histograms of those that failed, and of those that held.
    contacts: NDArray[np.int64] = field(default_factory=lambda: _zeros(MOST_CONTACTS + 1))
    epsilon: NDArray[np.int64] = field(default_factory=lambda: _zeros(len(EPSILON_EDGES) - 1))
    epsilon_sum: float = 0.0
    penetration_sum: float = 0.0
    spread: list[NDArray[np.float64]] = field(default_factory=list)  # by object
    distinct: int = 0
    sampled: int = 0

    def add(self, rows: Arrays) -> None:
        """Count some rows."""
        is_free, verdicts = rows['scene'] == FREE, _verdicts(rows)
        self.free.update(verdicts[is_free].tolist())
        self.settled.update(verdicts[~is_free].tolist())
        rows = {name: values[rows['shaken']] for name, values in rows.items()}
        held = rows['held']
        self.causes.update(_causes(rows))
        contacts = np.minimum(rows['contact_count'][:, _NEAR], MOST_CONTACTS)
        epsilon = np.clip(rows['epsilon'], EPSILON_EDGES[0], EPSILON_EDGES[-1])
        for which in (0, 1):
            chosen = held == bool(which)
            self.contacts[which] += np.bincount(contacts[chosen], minlength=MOST_CONTACTS + 1)
            self.epsilon[which] += np.histogram(epsilon[chosen], EPSILON_EDGES)[0]
        self.epsilon_sum += float(np.nansum(rows['epsilon'][held]))
        self.penetration_sum += float(np.nansum(rows['penetration'][held]))


def dataset_statistics(
    path: str | Path, *, progress: Callable[[str, int, int], None] | None = None
) -> dict[str, Any]:
    """Read a whole dataset once and sum up what is in it.

    Parameters
    ----------
    path
        Its folder; it may still be in the making.
    progress
        Called with the name of a hand, how many of its objects are read, and of how many.

    Returns
    -------
    dict
        For JSON. Rates are of grasps that were shaken, with Wilson intervals of 95 %, and so are
        contacts (links within 2 mm of the mesh) and ε. Its failures are units of work that could
        not be done, and files that cannot be read.

    Raises
    ------
    InputError
        As from `open_dataset`.
    """
    layout = DatasetLayout(Path(path))
    manifest = read_manifest(layout)
    hands, by_object, broken = [], [], list[dict[str, Any]]()
    for name in sorted(known_hands(layout, manifest)):
        opened = open_dataset(path, name)
        tally = _Tally()
        for done, key in enumerate(opened.objects):
            rows = _rows(opened, key, broken)
            if rows and len(rows['held']):
                tally.add(rows)
                by_object.append(
                    {'hand': name, 'object': key} | _rate(Counter(_verdicts(rows).tolist()))
                )
                _add_diversity(tally, opened, key, rows, broken)
            if progress is not None:
                progress(name, done + 1, len(opened.objects))
        hands.append({'hand': name} | _hand_summary(tally))
    tables = layout.root.glob('frames/*/scene-*.parquet')
    frames = sum(_row_count(layout, file, broken) for file in tables)
    grasps = sum(hand['grasps'] for hand in hands)
    return {
        'dataset': str(layout.root),
        'schema_version': manifest['schema_version'],
        'hash': manifest.get('hash', ''),
        'grasps_per_object': manifest.get('grasps_per_object'),
        'versions': manifest.get('versions', {}),
        'grasps': grasps,
        'shaken': sum(hand['shaken'] for hand in hands),
        'held': sum(hand['held'] for hand in hands),
        'objects': len(known_objects(layout, manifest)),
        'frames': frames,
        'hands': hands,
        'by_object': by_object,
        'epsilon_edges': EPSILON_EDGES.round(6).tolist(),
        'licenses': dict(
            Counter(r.get('license', 'unknown') for r in manifest.get('objects', ()))
        ),
        'stages': stage_costs(layout),
        'bytes': disk_usage(layout),
        'failures': failures(layout) + broken,
    }


def _hand_summary(tally: _Tally) -> dict[str, Any]:
    both = tally.free + tally.settled
    held = both[True]
    components = max((len(s) for s in tally.spread), default=0)
    # A set whose variance is all in k components has the share 1 from there on.
    spread = [np.pad(s, (0, components - len(s)), constant_values=1.0) for s in tally.spread]
    return {
        **_rate(both),
        'free': _rate(tally.free),
        'settled': _rate(tally.settled),
        'causes': dict(tally.causes.most_common()),
        'contacts_held': tally.contacts[1].tolist(),
        'contacts_failed': tally.contacts[0].tolist(),
        'epsilon_held': tally.epsilon[1].tolist(),
        'epsilon_failed': tally.epsilon[0].tolist(),
        'epsilon_mean_held': tally.epsilon_sum / held if held else None,
        'penetration_mean_held': tally.penetration_sum / held if held else None,
        'explained_variance': np.mean(spread, axis=0)[:5].tolist() if spread else [],
        'distinct_share': tally.distinct / tally.sampled if tally.sampled else None,
    }


def _add_diversity(
    tally: _Tally, opened: GraspDataset, key: str, rows: Arrays, broken: list[dict[str, Any]]
) -> None:
    """Compare an object's first grasps that did not fail; note what is not there."""
    import trimesh

    from dexgrasp_ros.core.poses import compose
    from dexgrasp_ros.object.mass import characteristic_length

    chosen = np.flatnonzero(rows['held'] | ~rows['shaken'])[:DIVERSITY_SAMPLE]
    if not len(chosen):
        return
    try:
        palm = compose(rows['base_pose'][chosen].astype(np.float64), opened.hand_model.palm_pose)
        mesh = trimesh.Trimesh(*opened.mesh(key), process=False)
    except DexGraspError as error:
        broken.append(_note(f'{opened.hand}/{key}', error))
        return
    q = rows['grasp'][chosen].astype(np.float64)
    length = characteristic_length(mesh, np.asarray(mesh.center_mass))
    tally.distinct += distinct_count(palm, q)
    tally.sampled += len(chosen)
    spread = explained_variance(palm, q, length=length)
    if len(spread):
        tally.spread.append(spread)


def _rate(counts: Counter[bool | None]) -> dict[str, Any]:
    held, shaken = counts[True], counts[True] + counts[False]
    low, high = wilson_interval(held, shaken)
    return {
        'grasps': counts.total(),
        'shaken': shaken,
        'held': held,
        'rate': held / shaken if shaken else None,
        'low': low,
        'high': high,
    }


def _verdicts(rows: Arrays) -> NDArray[np.object_]:
    """Whether each grasp held; None where it was not shaken."""
    return np.where(rows['shaken'], rows['held'], None)


def _causes(rows: Arrays) -> list[str]:
    """Where each grasp failed, all pulls as one, with what the object did."""
    return [
        f'{"pull" if cause.startswith("direction") else cause}{f" ({motion})" if motion else ""}'
        for cause, motion in zip(rows['cause'], rows['motion'], strict=True)
    ]


def _rows(opened: GraspDataset, key: str, broken: list[dict[str, Any]]) -> Arrays:
    """Rows of one object; a note of each file that cannot be read."""
    parts = []
    for file in opened.files_of(key):
        try:
            parts.append(opened.read(file, _COLUMNS))
        except InputError as error:
            broken.append(_note(file.relative_to(opened.layout.root).as_posix(), error))
    return join_arrays(parts) if parts else {}


def _row_count(layout: DatasetLayout, file: Path, broken: list[dict[str, Any]]) -> int:
    try:
        return len(read_arrays(file, ['view'])['view'])
    except InputError as error:
        broken.append(_note(file.relative_to(layout.root).as_posix(), error))
        return 0


def _note(unit: str, error: DexGraspError) -> dict[str, Any]:
    return {'unit': unit, 'code': error.code.name, 'message': str(error)}


def _zeros(count: int) -> NDArray[np.int64]:
    return np.zeros((2, count), dtype=np.int64)
