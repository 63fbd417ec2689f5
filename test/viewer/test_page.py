"""The page without a browser: what is selected, where the hand stands, what tables say."""

from __future__ import annotations

import dataclasses
import socket
import threading

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.viewer import Actions, GraspPage, ShownGrasps, check_address, placed
from dexgrasp_ros.viewer.shown import hand_state, upright_pose
from dexgrasp_ros.viewer.stage import LAYERS, _cones
from dexgrasp_ros.viewer.tables import contact_table, grasp_table, sentence


@pytest.fixture
def pressed():
    return []


@pytest.fixture
def page(pressed):
    page = GraspPage(
        port=0,
        actions=Actions(
            reconstruct=lambda: pressed.append('reconstruct'),
            synthesize=lambda: pressed.append('synthesize'),
            execute=pressed.append,
            stop=lambda: pressed.append('stop'),
        ),
    )
    yield page
    page.close()


@pytest.mark.parametrize(('motion', 'posture'), [(0, 'pregrasp'), (1, 'grasp'), (2, 'squeeze')])
@pytest.mark.parametrize('index', [0, 1])
def test_at_its_marks_the_slider_shows_the_postures(
    page, pincer, grasps, shown, index, motion, posture
):
    page.set_grasps(shown)
    page.select(index)
    page.move(motion)
    base = grasps.pregrasp_base_pose if motion == 0 else grasps.base_pose
    expected = link_poses(pincer, getattr(grasps, posture)[index], base[index])
    np.testing.assert_allclose(page.hand_link_poses(), expected, atol=1e-12)
    # And so do the nodes that a browser draws, in viser's order of a quaternion.
    for link, node in page.stage._links.items():
        np.testing.assert_allclose(node.position, expected[link, :3], atol=1e-12)
        np.testing.assert_allclose(np.roll(node.wxyz, -1), expected[link, 3:], atol=1e-12)


def test_between_its_marks_the_hand_moves_evenly(grasps):
    q, base = hand_state(grasps, 0, 0.25)
    np.testing.assert_allclose(q, [0.00625, 0.00625])
    np.testing.assert_allclose(base[:3], [0, 0, 0.19])
    q, base = hand_state(grasps, 0, 1.5)
    np.testing.assert_allclose(q, [0.0275, 0.0275])
    np.testing.assert_allclose(base, grasps.base_pose[0])


def test_the_wrist_turns_the_short_way(grasps):
    """The quaternions of the two ends differ in sign: q and -q are one turn."""
    start = grasps.base_pose.copy()
    start[:, 3:] *= -1
    turned = dataclasses.replace(grasps, pregrasp_base_pose=start)
    _, base = hand_state(turned, 0, 0.5)
    np.testing.assert_allclose(abs(base[3:] @ grasps.base_pose[0, 3:]), 1.0)


def test_the_best_grasp_is_selected_and_others_can_be(page, shown):
    assert page.selected is None and page.hand_link_poses() is None
    page.set_grasps(shown)
    assert page.selected == 0 and not page.panel.slider.disabled
    page.select(1)
    assert page.selected == 1
    for gone in (2, -1):
        page.select(gone)
        assert page.selected == 1


def test_an_empty_set_clears_the_page(page, shown, brick):
    page.set_objects([brick])
    page.set_grasps(shown)
    page.set_grasps(
        ShownGrasps(hand=shown.hand, grasps=shown.grasps.select([]), objects=[], sources=[])
    )
    assert page.selected is None and page.hand_link_poses() is None
    assert not page.stage._robot.visible and not page.stage._touches
    assert not any(row.visible for row in page.panel._rows)
    page.set_grasps(shown)
    assert page.selected == 0 and page.stage._robot.visible


def test_a_hand_is_sent_once(page, shown):
    page.set_grasps(shown)
    before = dict(page.stage._links)
    page.set_grasps(
        ShownGrasps(**{f.name: getattr(shown, f.name) for f in dataclasses.fields(shown)})
    )
    page.move(0.3)
    assert page.stage._links == before


def test_execute_gets_the_source_of_the_selected_row(page, shown, pressed, monkeypatch):
    page._execute()
    assert pressed == []
    monkeypatch.setattr('dexgrasp_ros.viewer.page._SETTLE', 600.0)
    page.set_grasps(shown)
    page.select(1)
    page._execute()  # so soon, the click may have been for the grasps before
    assert pressed == []
    monkeypatch.setattr('dexgrasp_ros.viewer.page._SETTLE', 0.0)
    page._execute()
    assert pressed == ['second']
    page.set_progress(0.1)
    page._execute()
    assert pressed == ['second']


def test_while_somebody_works_only_stop_can_be_pressed(page, shown):
    def enabled():
        return {name for name, button in page.panel._buttons.items() if not button.disabled}

    assert enabled() == {'Reconstruct', 'Synthesise'}
    page.set_grasps(shown)
    assert enabled() == {'Reconstruct', 'Synthesise', 'Execute'}
    page.set_progress(0.5)
    assert enabled() == {'Stop'} and page.panel._bar.value == 50
    page.set_progress(None)
    assert enabled() == {'Reconstruct', 'Synthesise', 'Execute'}


def test_the_page_stands_upright(brick):
    """The same brick in an optical frame: seen from the side, y down, half a metre away."""
    turn = Rotation.from_matrix([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    pose = np.array([0.02, 0.1, 0.5, *turn.as_quat()])
    observed = ObservedObject(
        label=1, name='brick', frame_id='', stamp=0, vertices=brick.vertices, faces=brick.faces,
        points=brick.points, support_plane=brick.support_plane,
    )  # fmt: skip
    seen = placed(observed, pose)
    np.testing.assert_allclose(seen.support_plane, [0, -1, 0, 0.1], atol=1e-12)
    for shown in (seen, dataclasses.replace(seen, support_plane=None)):
        upright = transform_points(upright_pose([shown], [0, -1, 0]), shown.vertices)
        np.testing.assert_allclose(upright.min(axis=0)[2], 0, atol=1e-12)
        np.testing.assert_allclose(upright.max(axis=0)[2], 0.1, atol=1e-12)
        np.testing.assert_allclose(np.sort(np.ptp(upright[:, :2], axis=0)), [0.06, 0.08])
        np.testing.assert_allclose((upright.min(axis=0) + upright.max(axis=0))[:2], 0, atol=1e-12)


@pytest.mark.parametrize('up', [[0, 0, 1], [0, 0, -1], [0, -1, 0], [1, 2, 3]])
def test_up_is_up(up):
    turn = Rotation.from_quat(upright_pose([], up)[3:])
    np.testing.assert_allclose(turn.apply(up / np.linalg.norm(up)), [0, 0, 1], atol=1e-12)


def test_forces_and_cones_stand_at_their_contacts(page, shown, brick):
    page.set_objects([brick])
    page.set_grasps(shown)
    balls, arrows, _ = page.stage._touches
    points = shown.grasps.contact_points[0]
    np.testing.assert_allclose(balls.batched_positions, points, atol=1e-7)
    np.testing.assert_allclose(arrows.points[:, 0], points, atol=1e-7)
    ways = arrows.points[:, 1] - arrows.points[:, 0]
    sizes = np.linalg.norm(shown.grasps.contact_forces[0], axis=1)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=1), 0.05 * sizes / sizes.max(), rtol=1e-5)
    page.select(1)  # of whose two places for contacts one is empty
    assert page.stage._touches[0].batched_positions.shape == (1, 3)


def test_a_friction_cone_opens_along_the_normal():
    tip, normal = np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.6, 0.8])
    vertices, faces = _cones(tip[None], normal[None], 0.5)
    along = (vertices - tip) @ normal
    across = np.linalg.norm(vertices - tip - along[:, None] * normal, axis=1)
    used = np.unique(faces)
    assert along[used].min() > -1e-9
    rim = along[used] > 1e-6
    np.testing.assert_allclose(across[used][rim] / along[used][rim], 0.5, rtol=1e-6)
    assert (~rim).any()


def test_tables_say_what_the_arrays_say(grasps):
    text = grasp_table(grasps, ['<b>', 'mug'], ['a', 'b'], 1)
    assert text.count('<label') == 2 and 'for="b" class="on"' in text
    for words in ('&lt;b&gt;', '0.900', '0.400', '1.0', '0.250', '–'):
        assert words in text
    contacts = contact_table(grasps, 0)
    assert 'thumb' in contacts and '5.00' in contacts and '3.00' in contacts
    assert '<script>' not in sentence('<script>')


def test_a_long_table_says_what_it_leaves_out(page, shown):
    many = np.zeros(130, dtype=int)
    page.set_grasps(
        ShownGrasps(
            hand=shown.hand,
            grasps=shown.grasps.select(many),
            objects=['brick'] * 130,
            sources=[None] * 130,
        )
    )
    assert len(page.panel._rows) == 100
    assert 'and 30 more' in page.panel._table.content


@pytest.mark.parametrize(
    ('changes', 'code'),
    [
        ({'joint_names': ('left', 'up')}, ErrorCode.INVALID_INPUT),
        ({'squeeze': np.full((2, 2), np.nan)}, ErrorCode.OUT_OF_RANGE),
    ],
)
def test_grasps_that_cannot_be_shown_are_refused(shown, changes, code):
    grasps = dataclasses.replace(shown.grasps, **changes)
    with pytest.raises(InputError) as caught:
        dataclasses.replace(shown, grasps=grasps)
    assert caught.value.code == code
    with pytest.raises(InputError, match='one for each'):
        dataclasses.replace(shown, objects=['brick'])


def test_what_is_kept_for_browsers_that_come_later_does_not_add_up(page, shown, brick):
    """It once grew by the buttons of each table, whatever came of them."""

    def kept():
        for n in range(10):
            page.set_objects([brick])
            page.set_grasps(shown if n % 2 else None)
            page.say(str(n))
        return len(page._server._websock_server._broadcast_buffer.message_from_id)

    assert kept() == kept() == kept()


def test_the_camera_sees_hand_and_object_from_above_the_table(page, shown, brick):
    page.set_objects([brick])
    page.set_grasps(shown)
    camera = page._server.initial_camera
    away = camera.position - camera.look_at
    assert 0 < np.arcsin(away[2] / np.linalg.norm(away)) < np.radians(45)
    # All of it lies in the cone that the camera's smaller angle opens.
    poses = page.hand_link_poses()
    corners = [
        brick.vertices,
        *(transform_points(poses[m.link], m.vertices) for m in shown.hand.meshes),
    ]
    rays = np.concatenate(corners) - camera.position
    angles = np.arccos(rays @ -away / np.linalg.norm(rays, axis=1) / np.linalg.norm(away))
    assert 0.5 * camera.fov * 0.5 < angles.max() < 0.5 * camera.fov


def test_many_threads_leave_the_page_in_order(page, shown, brick):
    """Sliders, clicks and new grasps at once: at the end all parts tell of the same grasp."""
    problems = []

    def many(work):
        try:
            for n in range(20):
                work(n)
        except Exception as error:
            problems.append(error)

    works = (
        lambda n: page.move(n / 10),
        lambda n: page.select(n % 2),
        lambda n: page.set_grasps(shown if n % 3 else None),
        lambda n: page.set_objects([brick] if n % 2 else []),
        lambda n: page.set_progress(n / 20),
    )
    threads = [threading.Thread(target=many, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    expected = page.hand_link_poses()
    assert (expected is not None) == page.stage._robot.visible
    for link, node in page.stage._links.items():
        np.testing.assert_allclose(node.position, expected[link, :3], atol=1e-12)


def test_layers_are_shown_and_hidden(page):
    assert page.stage._layers['forces'].visible and not page.stage._layers['obstacles'].visible
    for layer in LAYERS:
        page._show_layer(layer, False)
        assert not page.stage._layers[layer].visible


def test_a_port_in_use_is_a_coded_error_not_another_port():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f'port {port} .*in use'):
            GraspPage(port=port)
    assert check_address('127.0.0.1', port) == port


@pytest.mark.parametrize(
    ('host', 'port', 'code'),
    [
        ('127.0.0.1', 70000, ErrorCode.OUT_OF_RANGE),
        ('192.0.2.1', 0, ErrorCode.INVALID_INPUT),  # of nobody (RFC 5737)
        ('no such host', 0, ErrorCode.INVALID_INPUT),
    ],
)
def test_an_address_that_cannot_be_served_is_refused(host, port, code):
    with pytest.raises(InputError) as caught:
        GraspPage(host=host, port=port)
    assert caught.value.code == code
