"""Recordings: topics of real nodes over real DDS, into a file and back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip('rclpy')

from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore
from sensor_msgs.msg import Image
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import sensor_data, standard
from dexgrasp_ros.cli.bag import read_remappings
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.dataset.formats.bags import BagReader, BagWriter, add_definitions
from dexgrasp_ros.nodes.bags.player import BagPlayer
from dexgrasp_ros.nodes.graph import start_graph

COMMAND = [sys.executable, '-m', 'dexgrasp_ros.cli', 'bag']


def bag(*words: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


@pytest.fixture(scope='module')
def recording(scene, tmp_path_factory, module_ros_domain) -> Path:
    """The camera and what reconstruction makes of it, recorded until an interrupt."""
    folder = tmp_path_factory.mktemp('bags')
    with (
        start_graph(scene=scene, nodes=['sim_camera_node', 'reconstruction_node'], log=print),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        listeners = client.node.count_subscribers('objects')
        recorder = bag('record', '--out', folder / 'box.mcap')
        until = time.monotonic() + 120
        while client.node.count_subscribers('objects') == listeners:
            assert time.monotonic() < until, 'nobody records the objects'
            time.sleep(0.05)
        # What was said before the last chunks of images were written is in the file as well.
        while time.monotonic() < until and size(folder / 'box') < 4e6:
            client.reconstruct()
            time.sleep(0.2)
        enough = size(folder / 'box') + 2e6
        client.reconstruct()
        while time.monotonic() < until and size(folder / 'box') < enough:
            time.sleep(0.1)
        recorder.send_signal(signal.SIGINT)
        told = recorder.communicate(timeout=60)[0]
    assert recorder.returncode == 0, told
    assert str(folder / 'box') in told.replace('\n', '')
    return folder / 'box'


def size(folder: Path) -> int:
    """Bytes of the recording that are on the disk before the recorder ends: whole chunks."""
    return (folder / 'box.mcap').stat().st_size if (folder / 'box.mcap').exists() else 0


def decoded(folder: Path, topic: str) -> list:
    """Messages of a topic as somebody reads them who has nothing but the file."""
    with Reader(folder) as reader:
        store = Typestore()
        (connection,) = [c for c in reader.connections if c.topic == topic]
        store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        return [
            store.deserialize_cdr(data, connection.msgtype)
            for _, _, data in reader.messages([connection])
        ]


def test_pixels_and_objects_are_read_with_the_files_own_definitions(recording, frame):
    depths = decoded(recording, '/depth/image')
    assert len(depths) >= 5
    for image in depths:
        pixels = image.data.view(np.float32).reshape(image.height, image.width)
        np.testing.assert_array_equal(np.nan_to_num(pixels), frame.depth)
    labels = decoded(recording, '/segmentation')[-1]
    np.testing.assert_array_equal(labels.data.view(np.int32).reshape(240, 320), frame.labels)
    (found,) = decoded(recording, '/objects')[-1].objects
    assert found.label == 5 and len(found.mesh.vertices) > 100
    assert (
        decoded(recording, '/tf_static')[0].transforms[0].child_frame_id.endswith('optical_frame')
    )


def test_the_metadata_is_what_rosbag2_expects(recording):
    told = yaml.safe_load((recording / 'metadata.yaml').read_text())
    told = told['rosbag2_bagfile_information']
    assert (told['version'], told['storage_identifier']) == (9, 'mcap')
    assert told['relative_file_paths'] == ['box.mcap']
    topics = {t['topic_metadata']['name']: t for t in told['topics_with_message_count']}
    assert sum(t['message_count'] for t in topics.values()) == told['message_count']
    (profile,) = topics['/objects']['topic_metadata']['offered_qos_profiles']
    assert (profile['durability'], profile['reliability']) == ('transient_local', 'reliable')
    (profile,) = topics['/depth/image']['topic_metadata']['offered_qos_profiles']
    assert (profile['durability'], profile['history']) == ('volatile', 'keep_last')
    # Hashes of types are those of the installed interfaces, which rosbag2 compares.
    share = Path(sysconfig.get_path('data')) / 'share'
    for topic, (package, name) in {
        '/objects': ('dexgrasp_msgs', 'ObjectArray'),
        '/depth/image': ('sensor_msgs', 'Image'),
        '/object_markers': ('visualization_msgs', 'MarkerArray'),
    }.items():
        hashes = json.loads((share / package / 'msg' / f'{name}.json').read_text())['type_hashes']
        (expected,) = [h['hash_string'] for h in hashes if h['type_name'].endswith(f'/{name}')]
        assert topics[topic]['topic_metadata']['type_description_hash'] == expected


CAMERA = ['/depth/image', '/depth/camera_info', '/segmentation', '/tf_static']


@pytest.mark.parametrize('how', ['clock', pytest.param('restamp', marks=pytest.mark.slow)])
def test_a_recording_takes_the_place_of_a_camera(recording, ros_domain, how):
    own = {'fixed_frame': 'world', 'max_age': 2.0, 'use_sim_time': how == 'clock'}
    with (
        start_graph(
            nodes=['reconstruction_node'], parameters={'reconstruction_node': own}, log=print
        ),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        player = bag('play', recording, '--loop', f'--{how}', '--topics', *CAMERA)
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                response = client.reconstruct()
                if response.objects.objects:
                    break
            (found,) = response.objects.objects
            assert (found.label, found.has_support_plane) == (5, True)
        finally:
            player.send_signal(signal.SIGINT)
            told = player.communicate(timeout=60)[0]
    assert player.returncode == 0, told


def test_latched_messages_are_latched_again(recording, ros_domain):
    player = bag('play', recording, '--delay', 0, '--rate', 20, '--hold', 60)
    published = []
    with GraspClient() as client:
        from dexgrasp_msgs.msg import ObjectArray
        from dexgrasp_ros.bridge.qos import latched_subscription

        time.sleep(3.0)  # the recording is over by now
        client.node.create_subscription(
            ObjectArray, 'objects', published.append, latched_subscription()
        )
        until = time.monotonic() + 60
        while not published and time.monotonic() < until:
            time.sleep(0.05)
        assert published[-1].objects[0].label == 5
        player.send_signal(signal.SIGINT)
        assert player.wait(60) == 0


def test_nothing_to_record_is_an_error_and_leaves_nothing(tmp_path, ros_domain):
    done = bag(
        'record',
        '--out',
        tmp_path / 'none',
        '--duration',
        9,
        '--wait',
        0.5,
        '--topics',
        'depth/image',
    )
    told = done.communicate(timeout=60)[0]
    assert done.returncode == 1 and "NO_IMAGES: No message came on any of 'depth/image'" in told
    assert not (tmp_path / 'none').exists()


def test_a_publisher_that_offers_less_is_recorded_as_well(tmp_path, ros_domain):
    with GraspClient() as client:
        first = client.node.create_publisher(String, 'words', standard())
        first_timer = client.node.create_timer(0.05, lambda: first.publish(String(data='a')))
        recorder = bag('record', '--out', tmp_path / 'words', '--topics', 'words')
        subscribed(first)
        second = client.node.create_publisher(String, 'words', sensor_data())
        second_timer = client.node.create_timer(0.05, lambda: second.publish(String(data='b')))
        subscribed(second)
        time.sleep(1.0)
        for timer in (first_timer, second_timer):
            client.node.destroy_timer(timer)
        recorder.send_signal(signal.SIGINT)
        told = recorder.communicate(timeout=60)[0]
    assert recorder.returncode == 0, told
    assert {m.data for m in decoded(tmp_path / 'words', '/words')} == {'a', 'b'}


def subscribed(publisher):
    until = time.monotonic() + 60
    while not publisher.get_subscription_count():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_recording_of_commands_moves_nothing(tmp_path, ros_domain):
    recorded = 'arm/joint_trajectory/recorded'
    with GraspClient() as client:
        node, heard = client.node, []
        words = node.create_publisher(String, 'words', standard())
        fingers = node.create_publisher(JointTrajectory, 'arm/joint_trajectory', standard())
        timer = node.create_timer(
            0.05, lambda: (words.publish(String()), fingers.publish(JointTrajectory()))
        )
        topics = ['words', 'arm/joint_trajectory']
        recorder = bag('record', '--out', tmp_path / 'moves', '--topics', *topics)
        subscribed(words)
        subscribed(fingers)
        time.sleep(0.5)
        node.destroy_timer(timer)
        recorder.send_signal(signal.SIGINT)
        assert recorder.wait(60) == 0
        for topic in (topics[1], recorded):
            node.create_subscription(
                JointTrajectory, topic, lambda _, t=topic: heard.append(t), standard()
            )
        player = bag('play', tmp_path / 'moves', '--loop')
        until = time.monotonic() + 60
        # Several times around, in case that some are heard later than others.
        while len(heard) < 50 and time.monotonic() < until:
            time.sleep(0.02)
        player.send_signal(signal.SIGINT)
        assert player.wait(60) == 0, player.stdout.read()
    assert set(heard) == {recorded}
    with BagReader(tmp_path / 'moves') as reader:  # so other players move nothing either
        assert {t.name for t in reader.topics} == {'/words', f'/{recorded}'}


def test_topics_are_played_under_other_names(recording, ros_domain):
    with GraspClient() as client:
        node, heard = client.node, []
        node.create_subscription(Image, '/cam/depth', heard.append, sensor_data())
        rules = ['/depth/image:=/cam/depth', '/segmentation:=/cam/labels']
        player = bag('play', recording, '--loop', '--topics', *CAMERA, '--remap', *rules)
        until = time.monotonic() + 60
        while not heard and time.monotonic() < until:
            time.sleep(0.02)
        names = {name for name, _ in node.get_topic_names_and_types()}
        player.send_signal(signal.SIGINT)
        assert player.wait(60) == 0, player.stdout.read()
    assert heard[0].encoding == '32FC1'
    assert {'/cam/depth', '/cam/labels', '/depth/camera_info'} <= names
    assert not {'/depth/image', '/segmentation'} & names


@pytest.mark.parametrize(
    ('remap', 'words'),
    [
        ({'/moon': '/sun'}, "'/moon'"),
        ({'/depth/image': '/segmentation'}, 'name of two topics'),
        ({'/depth/image': 'no name'}, 'no name of a topic'),
    ],
)
def test_names_that_cannot_be_played_are_refused(recording, ros_domain, remap, words):
    with (
        GraspClient() as client,
        BagReader(recording) as reader,
        pytest.raises(InputError, match=words),
    ):
        BagPlayer(client.node, reader, remap=remap)


@pytest.mark.parametrize('rule', ['/a', '/a:=', ':=/b', '/a:=/b:=/c'])
def test_a_rule_that_is_none_is_refused(rule):
    with pytest.raises(InputError, match='FROM:=TO'):
        read_remappings((rule,))


def test_damage_in_the_middle_is_said(recording, tmp_path):
    for file in recording.iterdir():
        data = bytearray(file.read_bytes())
        if file.suffix == '.mcap':  # its index stays whole
            data[len(data) // 4 : len(data) // 2] = b'\xff' * (len(data) // 2 - len(data) // 4)
        (tmp_path / file.name).write_bytes(data)
    with BagReader(tmp_path) as reader, pytest.raises(InputError, match='damaged') as info:
        list(reader.messages())
    assert info.value.code == ErrorCode.INVALID_INPUT


def test_what_is_no_recording_is_said(recording, tmp_path):
    (tmp_path / 'text.mcap').write_text('not a recording, though it is long enough to be read as')
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes((recording / 'box.mcap').read_bytes()[:1000])
    (tmp_path / 'folder').mkdir()
    for name, code in (
        ('absent', ErrorCode.FILE_NOT_FOUND),
        ('folder', ErrorCode.FILE_NOT_FOUND),
        ('text.mcap', ErrorCode.INVALID_INPUT),
        ('cut.mcap', ErrorCode.INVALID_INPUT),
    ):
        with pytest.raises(InputError) as info:
            BagReader(tmp_path / name)
        assert info.value.code == code, name
    with BagReader(recording) as reader, pytest.raises(InputError, match="no '/moon'; it has"):
        next(reader.messages(['/moon']))
    with BagReader(recording.parent / 'box.mcap') as reader:
        assert reader.duration > 0.5
    with pytest.raises(InputError, match='exists'):
        BagWriter(recording)
    with pytest.raises(InputError, match=r"'no_msgs/msg/Moon' is not installed"):
        add_definitions(get_typestore(Stores.ROS2_JAZZY), 'no_msgs/msg/Moon')
