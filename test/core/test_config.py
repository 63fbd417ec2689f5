import dataclasses

import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError

FIELDS = dataclasses.fields(SynthesisConfig)


@pytest.mark.parametrize('field', FIELDS, ids=lambda f: f.name)
def test_every_setting_says_what_it_is(field):
    assert field.metadata['text'] and field.metadata['unit']
    if isinstance(field.default, int | float) and not isinstance(field.default, bool):
        assert field.metadata['low'] <= field.default <= field.metadata['high']


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('max_grasps', 0),
        ('seed_count', -1),
        ('seed_count', 10**9),
        ('time_limit', float('nan')),
        ('random_seed', 2**31),
    ],
)
def test_a_value_out_of_range_is_refused(name, value):
    with pytest.raises(InputError, match=f"'{name}' is {value}; expected") as caught:
        SynthesisConfig(**{name: value})
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
