"""JSON files: written whole, read with a bound, and held against a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dexgrasp_ros.core.doors import MEBIBYTE, check_file, reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted
from dexgrasp_ros.core.files import write_bytes

_LIMIT = 256 * MEBIBYTE  # a dataset.json of 500,000 objects
_STEP = re.compile(r'\.([^.\[]+)|\[(\d+)\]')


def write_json(path: Path, content: Any) -> None:
    """Write JSON as `replacing` does, the same bytes for the same content.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_bytes(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """JSON for people and programs, with numbers that read back as they were."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + '\n').encode()


def read_json(path: Path, *keys: str, schema: Any = None) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Parameters
    ----------
    path
        The file.
    keys
        That the object must have.
    schema
        A `TypedDict` that it must be, with whatever else it holds.

    Raises
    ------
    InputError
        INVALID_INPUT: it is no such file, or damaged; OUT_OF_RANGE: it is too large; MISSING_KEY
        or WRONG_TYPE: it is not what the schema says.
    FileNotFoundError
        There is none.
    OSError
        It cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(2, 'No such file', str(path))
    check_file(path, 'JSON', _LIMIT)
    content = path.read_bytes()
    with reading(f"'{path}' is damaged, no JSON"):
        found = json.loads(content)
    if not isinstance(found, dict) or (missing := set(keys) - found.keys()):
        lacks = f'lacks {choices(missing)}' if isinstance(found, dict) else 'is no JSON object'
        raise InputError(f"'{path}' is damaged: it {lacks}.")
    return found if schema is None else checked(found, schema, f"'{path}'")


def checked(content: Any, schema: Any, source: str) -> Any:
    """Return a document that is what a schema says, as it is.

    Parameters
    ----------
    content
        Of JSON or YAML.
    schema
        A type that msgspec knows: builtin ones, `TypedDict`, `Annotated` with `msgspec.Meta`.
    source
        What to call it in messages.

    Raises
    ------
    InputError
        MISSING_KEY or WRONG_TYPE; the message names the field, what came and what is right.
    """
    import msgspec

    try:
        msgspec.convert(content, schema)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(' - at `$')
        place = place.rstrip('`').lstrip('.')
        if 'missing required' in what:
            raise InputError(f"{source}: '{place}': {what}.", ErrorCode.MISSING_KEY) from None
        found = quoted(_at(content, _STEP.findall(f'.{place}')))
        raise InputError(
            f"{source}: '{place}' is {found}: {what}.", ErrorCode.WRONG_TYPE
        ) from None
    except (RecursionError, OverflowError, ValueError) as error:
        raise InputError(f'{source} is damaged ({type(error).__name__}).') from error
    return content


def _at(content: Any, steps: Iterable[tuple[str, str]]) -> Any:
    """Return what stands at a place, or the last thing on the way there."""
    for key, index in steps:
        try:
            content = content[int(index) if index else key]
        except (LookupError, TypeError, ValueError):
            break
    return content
