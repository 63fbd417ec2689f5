"""The command `dexgrasp hand`: what it prints, draws and answers."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from dexgrasp_ros.cli import main
from dexgrasp_ros.cli.hand_picture import draw_hand
from dexgrasp_ros.cli.hands import hand_file
from dexgrasp_ros.cli.report import load_status
from dexgrasp_ros.core.progress import LoadProgress
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.hand.overrides import read_overrides

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


def printed_json(capsys) -> dict:
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_tables_name_joints_groups_palm_and_warnings(urdf, capsys):
    assert main(['hand', str(urdf), '--root', 'base']) == 0
    text = ' '.join(capsys.readouterr().out.split())
    for words in ('1 joint', 'grip', 'right × 0.5', '17 contact groups', "Palm in 'base'",
                  'approach axis', 'warning: no effort limit', 'pairs of groups',
                  'Loaded in'):  # fmt: skip
        assert words in text
    tables, _, above = text.partition('Above the hand')
    assert 'shoulder' not in tables
    # A joint moves the root link, so that is the flange itself.
    assert "flange 'base', placed from 'arm' by shoulder" in above


@pytest.mark.parametrize('columns', ['80', '120'])
def test_nothing_is_cut_off_or_wrapped_at_80_columns(columns, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', columns)
    path = tmp_path / 'hand.urdf'
    ball = '<link name="base"><collision><geometry><sphere radius="0.01"/></geometry></collision>'
    text = URDF.replace('"grip"', '"left_finger_proximal_flexion"')
    path.write_text(text.replace('<link name="base">', ball))
    (tmp_path / 'hand.yaml').write_text("{root: base, contact_weights: {'base[0]': 0.125}}")
    assert main(['hand', str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    hand, words = load_hand(path), {tuple(line.split()) for line in lines}
    (joint,) = hand.joint_names
    assert (joint, '0.000', '0.600', '+', '0.240', '1', '2') in words
    weights = {(row[0], row[-2]) for row in words if {'box', 'sphere'} & set(row)}
    named = [hand.link_names[link] for link in hand.geometry_links]
    assert weights == {(n, f'{w:g}') for n, w in zip(named, hand.group_weights, strict=True)}
    text = ' '.join(' '.join(lines).split())
    assert hand.warnings and all(warning in text for warning in hand.warnings)


def test_json_and_picture(urdf, tmp_path, capsys):
    png = tmp_path / 'deep' / 'hand.png'
    assert main(['hand', str(urdf), '--root', 'base', '--png', str(png), '--json']) == 0
    printed = printed_json(capsys)
    (joint,) = printed['joints']
    assert (joint['name'], joint['upper'], joint['closes']) == ('grip', 0.6, 1)
    assert joint['moves'] == ['left', 'right × 0.5']
    assert printed['couplings'] == {'other': {'follows': 'grip', 'multiplier': 0.5}}
    assert printed['palm']['approach'] == pytest.approx([0, 0, 1], abs=1e-6)
    assert printed['arm']['joints'] == ['shoulder']
    assert printed['groups'] == 17 and len(printed['warnings']) == 2
    # The jaws are 80 mm long and 10 mm thick, and 90 mm apart; closed they cross.
    assert printed['opening_width']['open'] == pytest.approx(0.09, abs=1e-4)
    assert printed['opening_width']['closed'] < 0.04
    # From open on, the tips go toward each other.
    ways = [finger['closing_direction'][0] for finger in printed['fingers']]
    assert all(finger['closes'] for finger in printed['fingers'])
    assert ways[0] > 0.9 and ways[1] < -0.9
    from PIL import Image

    picture = np.asarray(Image.open(png)).astype(float)
    assert picture.shape == (1720, 1600, 3)
    # Two rows show grey links, the third the groups in the fingers' colours.
    color = np.ptp(picture, axis=2) > 80
    assert color[1160:].mean() > 1.5 * color[40:1160].mean()


def test_what_nothing_closes_is_named_and_drawn_in_another_colour(urdf, tmp_path, capsys):
    (tmp_path / 'pincer.yaml').write_text('{root: base, closing: {grip: 0}}')
    assert main(['hand', str(urdf)]) == 0
    assert "warning: no joint closes the fingers of 'left', 'right'" in ' '.join(
        capsys.readouterr().out.split()
    )
    hand = load_hand(urdf)
    pictures = []
    for closing in (0, 1):
        one = dataclasses.replace(hand, closing=np.array([closing], np.int32))
        pictures.append(draw_hand(one, size=(480, 480)).astype(int))
    dark_red = [((p[..., 0] > 90) & (p[..., 1:].max(axis=2) < 30)).mean() for p in pictures]
    assert dark_red[0] > 0.01 > dark_red[1]


def test_an_explanation_is_the_yaml_that_changes_nothing(urdf, tmp_path, capsys):
    given = tmp_path / 'given.yaml'
    given.write_text('{root: base, preshape: {grip: 0.3}, contact_weights: {base: 0.5}}')
    assert main(['hand', str(urdf), '--explain', '--overrides', str(given)]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.replace(str(given), '').splitlines())) <= 80
    assert f'read from {given}' in ' '.join(text.replace('#', '').split())
    for line in ('  grip: 0.3  # stated', '  grip: 1', '  base: 0.5  # palm, stated',
                 '  other: {follows: grip, multiplier: 0.5}  # <mimic>'):  # fmt: skip
        assert line in text.splitlines()
    read_overrides(text, 'the explanation')
    urdf.with_suffix('.yaml').write_text(text)
    hand, again = load_hand(urdf, overrides=given), load_hand(urdf)
    for name in ('closing', 'preshape', 'palm_pose', 'group_weights', 'joint_stiffness',
                 'self_collision_pairs', 'multipliers', 'coordinates'):  # fmt: skip
        np.testing.assert_allclose(getattr(again, name), getattr(hand, name), atol=1e-4)
    assert again.link_names == hand.link_names


def test_an_explanation_says_where_overrides_would_be(urdf, capsys):
    assert main(['hand', str(urdf), '--root', 'base', '--explain', '--json']) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)['stated'] == ['root']
    told = ' '.join(shown.err.replace('#', '').split())
    assert f'looked for: {urdf.with_suffix(".yaml")}, ' in told and 'pincer.yaml. Limits' in told


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
    printed = printed_json(capsys)
    assert printed['name'] == 'allegro_left' and len(printed['joints']) == 16


@pytest.fixture
def xacro(tmp_path):
    path = tmp_path / 'pincer.xacro'
    text = URDF.replace('size="0.14 0.04 0.03"', 'size="$(arg width) 0.04 $(arg depth)"')
    path.write_text(text.replace('<robot ', '<robot xmlns:xacro="http://www.ros.org/xacro" '))
    return path


def test_arguments_of_a_xacro_file_stand_together_or_apart(xacro, capsys):
    given = ['width:=0.2', 'depth:=0.03']
    apart = [given[0], '--xacro-args', given[1]]
    for words in (given, apart):
        assert main(['hand', str(xacro), '--root', 'base', '--xacro-args', *words, '--json']) == 0
        assert printed_json(capsys)['root'] == 'base'
    assert main(['hand', str(xacro), '--root', 'base', '--xacro-args', given[0]]) == 1
    assert '--xacro-args depth:=VALUE' in capsys.readouterr().err


@pytest.mark.parametrize(
    'command',
    [
        ['hand', 'x'],
        ['synthesize', 'x'],
        ['evaluate', 'x', '--hand', 'x'],
        ['import', 'x', '--hand', 'x'],
        ['demo'],
        ['dataset', 'generate', '--objects', 'x', '--out', 'x'],
    ],
    ids=' '.join,
)
@pytest.mark.parametrize('word', ['width', 'width=0.2', ':=0.2'])
def test_what_is_no_argument_is_refused_by_every_command(command, word, capsys):
    assert main([*command, '--xacro-args', word]) == 1
    error = capsys.readouterr().err
    assert error.startswith('dexgrasp: INVALID_INPUT') and word in error
    assert 'name:=value' in error and error.count('\n') == 1


def test_an_arm_is_answered_with_what_to_type(urdf, capsys):
    arm = ''.join(
        f'<link name="a{i}"/><joint name="turn_{i}" type="continuous"><parent link="a{i}"/>'
        f'<child link="{"arm" if i == 2 else f"a{i + 1}"}"/></joint>'
        for i in range(3)
    )
    urdf.write_text(URDF.replace('</robot>', f'{arm}</robot>'))
    assert main(['hand', str(urdf)]) == 1
    error = capsys.readouterr().err
    assert error.startswith('dexgrasp: UNKNOWN_LINK') and error.count('\n') == 1
    assert '--root base' in error and "'shoulder'" in error
    assert main(['hand', str(urdf), '--root', 'base']) == 0


def test_a_hand_for_the_nodes_is_a_file_that_needs_no_options(xacro, tmp_path):
    given = {'width': 0.2, 'depth': 0.03}
    hand = load_hand(xacro, root='base', xacro_args=given)
    (tmp_path / 'out').mkdir()
    again = load_hand(hand_file(hand, tmp_path / 'out'))
    assert (again.name, again.hand_frame) == (hand.name, 'base')
    np.testing.assert_array_equal(again.points, hand.points)


def test_while_a_hand_is_loaded_a_line_says_which_link_is_cut():
    screen = io.StringIO()
    with load_status(Console(file=screen, force_terminal=True, width=100)) as show:
        show(LoadProgress(link='finger[3]', fraction=0.4))
    assert 'kept for the next time: finger[3], 40 %' in screen.getvalue()
