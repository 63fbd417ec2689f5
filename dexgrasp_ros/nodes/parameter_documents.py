"""Files and tables of all parameters, made from the same dataclasses as the declarations.

``python -m dexgrasp_ros.nodes.parameter_documents ROOT`` writes `config/<node>.yaml` and
`docs/parameters.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dexgrasp_ros.bridge.parameters import parameter_fields
from dexgrasp_ros.core.errors import choices
from dexgrasp_ros.nodes.clearing.parameters import ClearTableParameters
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.planning_scene.parameters import PlanningSceneParameters
from dexgrasp_ros.nodes.reconstruction.parameters import ReconstructionParameters
from dexgrasp_ros.nodes.segmentation.parameters import TabletopSegmentationParameters
from dexgrasp_ros.nodes.simulation.parameters import SimCameraParameters, SimHandParameters
from dexgrasp_ros.nodes.synthesis.parameters import GraspParameters, GraspPlanningParameters
from dexgrasp_ros.nodes.viewer.parameters import ViewerParameters

# In the order of the documents.
NODE_PARAMETERS = {
    'sim_hand_node': SimHandParameters,
    'sim_camera_node': SimCameraParameters,
    'reconstruction_node': ReconstructionParameters,
    'grasp_node': GraspParameters,
    'hand_command_node': HandCommandParameters,
    'clear_table_node': ClearTableParameters,
    'tabletop_segmentation_node': TabletopSegmentationParameters,
    'viewer_node': ViewerParameters,
    'grasp_planning_node': GraspPlanningParameters,
    'planning_scene_node': PlanningSceneParameters,
}

_HEAD = '| parameter | default | unit | range | |\n|---|---|---|---|---|\n'


def parameter_yaml(config_type: type) -> str:
    """Parameter file with the defaults of one node, each with its description, unit and range.

    Its section is ``/**``, so that the file suits a node of any name and namespace, and arguments
    of a launch file win over it.
    """
    tree: dict = {}
    for name, about, value in parameter_fields(config_type()):
        *path, leaf = name.split('.')
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[leaf] = (value, about)
    return '\n'.join(['/**:', '  ros__parameters:', *_yaml_lines(tree, 4)]) + '\n'


def _yaml_lines(tree: dict, indent: int) -> list[str]:
    lines = []
    for name, entry in tree.items():
        space = ' ' * indent
        if isinstance(entry, dict):
            lines += [f'{space}{name}:', *_yaml_lines(entry, indent + 2)]
        else:
            value, about = entry
            lines += [f'{space}# {_description(about)}', f'{space}{name}: {_yaml_value(value)}']
    return lines


def _description(about: dict) -> str:
    text, unit = about.get('text', ''), about.get('unit', '-')
    low, high = about.get('low'), about.get('high')
    if unit not in ('-', '1'):
        text += f' [{unit}]'
    if allowed := about.get('allowed'):
        text += f'; one of {choices(allowed)}'
    return text if low is None and high is None else f'{text}; {low} to {high}'


def _yaml_value(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # YAML 1.1 takes 1e-06 without a dot for a string.
        text = repr(value)
        return text.replace('e', '.0e') if 'e' in text and '.' not in text else text
    return f"'{value}'" if isinstance(value, str) else str(value)


def parameter_table(config_type: type) -> str:
    """Table of all parameters of a node."""
    rows = [_row(*field) for field in parameter_fields(config_type())]
    return _HEAD + '\n'.join(rows) + '\n'


def parameter_page() -> str:
    """`docs/parameters.md`."""
    parts = [
        '# Parameters of the nodes\n\n'
        'Made from the dataclasses in `dexgrasp_ros/nodes/*/parameters.py`; files with'
        ' the defaults stand in `config/`.\nA value outside its range is refused when it is set.'
        ' What is set later counts from the next goal, frame or motion on.\nWhat is *read on*'
        ' something cannot be set while it is in use: *configuration*, while the node is'
        ' configured (deactivate it and clean it up\nfirst); *activation*, while it is active;'
        ' *start*, at all. What is read on a *reset* may be set for the next one. The descriptors'
        ' (`ros2 param describe`)\nsay the same.\n'
    ]
    parts += [
        f'\n## `{node}`\n\n{parameter_table(config_type)}'
        for node, config_type in NODE_PARAMETERS.items()
    ]
    return ''.join(parts)


def _row(name: str, about: Mapping[str, Any], value: object) -> str:
    low, high = about.get('low'), about.get('high')
    unit = about.get('unit', '-')
    default = str(value).lower() if isinstance(value, bool) else str(value)
    cells = [
        f'`{name}`',
        f'`{default}`' if default else '*empty*',
        '' if unit in ('-', '1') else unit,
        _range(low, high) or ', '.join(f'`{text}`' for text in about.get('allowed', ())),
        about.get('text', '').replace('|', r'\|'),
    ]
    return f'| {" | ".join(cells)} |'


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return '' if high is None else f'≤ {high:g}'
    return f'≥ {low:g}' if high is None else f'{low:g} … {high:g}'


def main() -> None:
    """Write all of them below the folder that is the first argument."""
    root = Path(sys.argv[1])
    for name, config_type in NODE_PARAMETERS.items():
        file = root / 'config' / f'{name}.yaml'
        file.write_text(parameter_yaml(config_type), encoding='utf-8')
    (root / 'docs' / 'parameters.md').write_text(parameter_page(), encoding='utf-8')


if __name__ == '__main__':
    main()
