"""What a large dataset would take, from what a small one took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ASSUMPTIONS = (
    'Grasps, frames and objects each take what they took here on average: the same kinds of'
    ' objects, of machines, and of shares that are shaken. Grasps that failed are counted, too.',
    'Seconds are of processes, as they ran here beside each other; a machine runs {processes} of'
    ' them at once. Starting them and waiting for the last one are not counted.',
    'Searches are spread over the processes as well; where one GPU made them, synthesize takes'
    ' {processes} times as long as is said here.',
    'Units of work share nothing but a disk, so that n machines take an n-th of the time.',
    '{per_object:.0f} grasps for each object, by all hands together, and {frames:.1f} frames.',
    'Bytes of a grasp are as in the shards here; small shards make them look larger.',
)
# What a folder's bytes grow with; those of hands do not.
_GROWS_WITH = {
    'grasps': 'grasps',
    'images': 'frames',
    'frames': 'frames',
    'clutter': 'frames',
    'colors': 'objects',
    'meshes': 'objects',
    'objects': 'objects',
    'scenes': 'objects',
}


def estimate_cost(
    statistics: Mapping[str, Any],
    *,
    grasps: int,
    machines: int,
    processes: int,
    grasps_per_object: float | None = None,
) -> dict[str, Any]:
    """Scale the measured cost of a dataset.

    Parameters
    ----------
    statistics
        From `dataset_statistics`.
    grasps
        How many are wanted, by all hands together.
    machines, processes
        Machines, and processes that each runs at once.
    grasps_per_object
        By all hands together; default: as many as there are here.

    Returns
    -------
    dict
        ``grasps``, ``frames`` and ``objects``; ``hours`` of all machines running together, also by
        stage (``stage_hours``); ``bytes``; the ``assumptions`` as sentences. Hours and bytes are
        None where nothing was measured.
    """
    here = {name: statistics[name] for name in ('grasps', 'frames', 'objects')}
    objects = max(here['objects'], 1)
    per_object = grasps_per_object or here['grasps'] / objects
    frames = here['frames'] / objects
    told: dict[str, Any] = {
        'grasps': grasps,
        'machines': machines,
        'processes': processes,
        'hours': None,
        'stage_hours': {},
        'bytes': None,
        'assumptions': [
            text.format(processes=processes, per_object=per_object, frames=frames)
            for text in _ASSUMPTIONS
        ],
    }
    if not here['grasps']:
        return told
    wanted = {'grasps': grasps, 'objects': round(grasps / per_object)}
    wanted['frames'] = round(frames * wanted['objects'])
    hours = {
        stage['stage']: stage['seconds'] / stage['count'] * wanted[stage['of']] / 3600
        for stage in statistics['stages']
        if stage['count']
    }
    told |= wanted
    told['stage_hours'] = {name: h / (machines * processes) for name, h in hours.items()}
    told['hours'] = sum(told['stage_hours'].values()) if hours else None
    sizes = statistics['bytes']
    told['bytes'] = sizes['hands'] + sum(
        round(sizes[folder] * wanted[what] / here[what])
        for folder, what in _GROWS_WITH.items()
        if here[what]
    )
    return told
