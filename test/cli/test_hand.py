"""The command `dexgrasp hand`: what it prints, draws and answers."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from dexgrasp_ros.cli import main
from dexgrasp_ros.cli.report import load_status
from dexgrasp_ros.core.progress import LoadProgress

URDF = """<robot name="pincer">
<link name="arm"/><link name="base"><collision><geometry><box size="0.14 0.04 0.03"/></geometry>
</collision></link><link name="left"><collision><origin xyz="0 0 0.04"/><geometry>
<box size="0.01 0.02 0.08"/></geometry></collision></link><link name="right"><collision>
<origin xyz="0 0 0.04"/><geometry><box size="0.01 0.02 0.08"/></geometry></collision></link>
<joint name="shoulder" type="revolute"><parent link="arm"/><child link="base"/>
  <limit lower="-1" upper="1" effort="50" velocity="1"/></joint>
<joint name="grip" type="revolute"><parent link="base"/><child link="left"/>
  <origin xyz="-0.05 0 0.02"/><axis xyz="0 1 0"/><limit lower="0" upper="0.6"/></joint>
<joint name="other" type="revolute"><parent link="base"/><child link="right"/>
  <origin xyz="0.05 0 0.02"/><axis xyz="0 -1 0"/><limit lower="0" upper="0.6"/>
  <mimic joint="grip" multiplier="0.5"/></joint>
</robot>"""


@pytest.fixture
def urdf(tmp_path):
    path = tmp_path / 'pincer.urdf'
    path.write_text(URDF)
    return path


def test_tables_name_joints_groups_palm_and_warnings(urdf, capsys):
    assert main(['hand', str(urdf), '--root', 'base']) == 0
    text = ' '.join(capsys.readouterr().out.split())
    for words in ('1 joints', 'grip', '3 contact groups', "Palm in 'base'", 'approach axis',
                  'warning: no effort limit', 'pairs of groups', 'Loaded in'):  # fmt: skip
        assert words in text
    tables, _, above = text.partition('Above the hand')
    assert 'shoulder' not in tables
    # A joint moves the root link, so that is the flange itself.
    assert "flange 'base', placed from 'arm' by shoulder" in above


def test_json_and_picture(urdf, tmp_path, capsys):
    png = tmp_path / 'deep' / 'hand.png'
    assert main(['hand', str(urdf), '--root', 'base', '--png', str(png), '--json']) == 0
    printed = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    (joint,) = printed['joints']
    assert (joint['name'], joint['upper'], joint['closes']) == ('grip', 0.6, 1)
    assert joint['moves'] == ['left', 'right × 0.5']
    assert printed['palm']['approach'] == pytest.approx([0, 0, 1], abs=1e-6)
    assert printed['arm']['joints'] == ['shoulder']
    assert printed['groups'] == 3 and len(printed['warnings']) == 2
    from PIL import Image

    picture = np.asarray(Image.open(png)).astype(float)
    assert picture.shape == (1200, 1600, 3)
    # The upper half shows grey links, the lower the groups in the fingers' colours.
    color = np.ptp(picture, axis=2)
    assert (color[600:] > 80).mean() > 1.5 * (color[:600] > 80).mean()


@pytest.mark.parametrize(
    ('arguments', 'code', 'words'),
    [
        (['hook'], 'UNKNOWN_HAND', 'barrett_left'),
        (['none.urdf'], 'FILE_NOT_FOUND', 'none.urdf'),
        (['{urdf}', '--root', 'elbow'], 'UNKNOWN_LINK', "'base'"),
        (['{urdf}', '--overrides', 'none.yaml'], 'FILE_NOT_FOUND', 'none.yaml'),
    ],
)
def test_wrong_arguments_give_one_coded_line(urdf, arguments, code, words, capsys):
    assert main(['hand', *(a.format(urdf=urdf) for a in arguments)]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert code in line and words in line


def test_left_hand_by_name(capsys):
    assert main(['hand', 'allegro_left', '--json']) == 0
    printed = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert printed['name'] == 'allegro_left' and len(printed['joints']) == 16


def test_while_a_hand_is_loaded_a_line_says_which_link_is_cut():
    screen = io.StringIO()
    with load_status(Console(file=screen, force_terminal=True, width=100)) as show:
        show(LoadProgress(link='finger[3]', fraction=0.4))
    assert 'kept for the next time: finger[3], 40 %' in screen.getvalue()
