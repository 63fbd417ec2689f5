import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.synchronizer import StampSynchronizer

MS = 1_000_000


def synchronizer(slop=50 * MS, queue_size=30):
    return StampSynchronizer(['depth', 'info', 'labels'], slop=slop, queue_size=queue_size)


def feed(sync, entries):
    """Matches of (topic, stamp in ms) entries, each match as its stamps in ms."""
    matches = [sync.add(topic, stamp * MS, stamp) for topic, stamp in entries]
    return [m for m in matches if m is not None]


def test_equal_stamps_match_in_any_order_of_arrival():
    for order in (['depth', 'info', 'labels'], ['labels', 'depth', 'info']):
        assert feed(synchronizer(slop=0), [(t, 100) for t in order]) == [(100, 100, 100)]


def test_exact_matching_refuses_what_approximate_matching_takes():
    entries = [('depth', 100), ('info', 100), ('labels', 101)]
    assert feed(synchronizer(slop=0), entries) == []
    assert feed(synchronizer(), entries) == [(100, 100, 101)]


def test_the_whole_match_lies_within_the_slop():
    # Both are within 50 ms of the info, but 80 ms from each other.
    assert feed(synchronizer(), [('depth', 60), ('labels', 140), ('info', 100)]) == []


def test_the_nearest_is_taken_and_older_ones_are_dropped():
    sync = synchronizer()
    entries = [('depth', 0), ('depth', 33), ('info', 0), ('info', 33), ('labels', 35)]
    assert feed(sync, entries) == [(33, 33, 35)]
    assert sync.waiting() == {'depth': 0, 'info': 0, 'labels': 0}


def test_labels_that_come_late_match_their_own_image():
    sync = synchronizer(slop=5 * MS)
    ahead = [(t, s) for s in (0, 33, 66, 99) for t in ('depth', 'info')]
    assert feed(sync, [*ahead, ('labels', 33), ('labels', 99)]) == [(33,) * 3, (99,) * 3]


def test_queues_are_bounded():
    sync = synchronizer(queue_size=4)
    feed(sync, [('depth', s) for s in range(100)])
    assert sync.waiting()['depth'] == 4


def test_time_that_goes_back_starts_anew():
    sync = synchronizer()
    feed(sync, [('depth', 5000), ('info', 5000)])
    assert feed(sync, [('depth', 10), ('info', 10), ('labels', 10)]) == [(10, 10, 10)]
