"""What tests of several processes share is made by one of them."""

from concurrent.futures import ThreadPoolExecutor

import pytest


def test_a_folder_is_filled_once(made_once):
    count = []

    def fill(folder):
        count.append(folder)
        (folder / 'file').write_text('whole')

    with ThreadPoolExecutor(4) as threads:
        folders = list(threads.map(lambda _: made_once('of a test', fill), range(8)))
    assert len(count) == 1 and set(folders) == {count[0]}
    assert (folders[0] / 'file').read_text() == 'whole'


def test_a_filling_that_fails_is_tried_again(made_once):
    def fail(folder):
        (folder / 'half').touch()
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            made_once('of another test', fail)
    folder = made_once('of another test', lambda folder: (folder / 'file').touch())
    assert [path.name for path in folder.iterdir()] == ['file']
