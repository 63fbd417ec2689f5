import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.bridge.diagnostics import WARN, CountRates, diagnostics_message


def test_rates_are_counts_over_the_window():
    rates = CountRates(window=2.0)
    assert rates.add(10.0, {'depth': 7}) == {'depth': 0.0}
    assert rates.add(11.0, {'depth': 12}) == {'depth': 5.0}
    assert rates.add(12.0, {'depth': 27}) == {'depth': 10.0}
    # What was counted before 11 s has left the window of two seconds.
    assert rates.add(13.0, {'depth': 27}) == {'depth': 7.5}
    for now in (14.0, 15.0):
        last = rates.add(now, {'depth': 27})
    assert last == {'depth': 0.0}


def test_counters_that_were_reset_start_anew():
    rates = CountRates()
    rates.add(0.0, {'depth': 100})
    assert rates.add(1.0, {'depth': 3}) == {'depth': 0.0}
    assert rates.add(2.0, {'depth': 8}) == {'depth': 5.0}


def test_a_message_has_level_sentence_and_values():
    message = diagnostics_message(
        3_000_000_005, 'node: part', WARN, 'Nothing comes.', {'rate [Hz]': 0.12345, 'objects': 2}
    )
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (3, 5)
    (status,) = message.status
    assert (status.level, status.name, status.message) == (b'\x01', 'node: part', 'Nothing comes.')
    assert {v.key: v.value for v in status.values} == {'rate [Hz]': '0.123', 'objects': '2'}
