import pytest

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError, choices
from dexgrasp_ros.core.resources import find_resource


def test_a_file_of_the_package_is_found():
    assert find_resource('config/fastdds_shm.xml').is_file()


def test_what_is_not_there_is_answered_with_what_is():
    with pytest.raises(InputError, match=r"no 'config/none.xml'.*'fastdds_shm.xml'") as caught:
        find_resource('config/none.xml')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND


def test_an_ament_prefix_is_searched(tmp_path, monkeypatch):
    folder = tmp_path / 'share' / 'dexgrasp_ros' / 'urdf'
    folder.mkdir(parents=True)
    (folder / 'of_this_prefix.urdf').write_text('<robot/>')
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path / "other"}:{tmp_path}')
    assert find_resource('urdf/of_this_prefix.urdf') == folder / 'of_this_prefix.urdf'


def test_every_subclass_has_a_code_of_its_own_stage():
    codes = [cls.default_code for cls in DexGraspError.__subclasses__()]
    stages = [code // 100 for code in codes]
    assert stages == sorted(set(stages))


def test_choices_are_sorted_and_quoted():
    assert choices(['b', 'a']) == "'a', 'b'"
    assert choices([]) == 'none'
