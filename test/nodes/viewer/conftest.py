"""The hand that the viewer shows."""

import pytest

from dexgrasp_ros.hand import load_hand


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')
