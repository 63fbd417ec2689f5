"""What a URDF does not say about a hand, or says wrong: a small YAML document."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices, quoted
from dexgrasp_ros.core.yaml_files import is_finite, parse_yaml


@dataclass(frozen=True, kw_only=True)
class Coupling:
    """A joint that follows another one: ``multiplier * position + offset``."""

    follows: str
    multiplier: float = 1.0
    offset: float = 0.0  # rad or m


@dataclass(frozen=True, kw_only=True)
class PalmOverride:
    """Palm frame in the root link; what is None is derived."""

    position: tuple[float, float, float] | None = None  # m
    approach: tuple[float, float, float] | None = None  # its z axis, leaves the palm
    forward: tuple[float, float, float] | None = None  # its x axis, about


@dataclass(frozen=True, kw_only=True)
class HandOverrides:
    """One YAML document; each field is a key of it, all may be left out."""

    root: str | None = None  # link below which the hand begins
    palm: PalmOverride = PalmOverride()
    closing: Mapping[str, int] = field(default_factory=dict)  # by joint: 1, -1, or 0 for none
    preshape: Mapping[str, float] = field(default_factory=dict)  # by joint, rad or m
    contact_weights: Mapping[str, float] = field(default_factory=dict)  # by link or group, 0 … 1
    ignored_collisions: tuple[tuple[str, str], ...] = ()  # links or groups that may overlap
    locked_joints: Mapping[str, float | None] = field(default_factory=dict)  # rad or m; None: at 0
    joint_stiffness: Mapping[str, float] = field(default_factory=dict)  # N m/rad or N/m
    couplings: Mapping[str, Coupling] = field(default_factory=dict)  # by the joint that follows


def read_overrides(text: str, source: str) -> HandOverrides:
    """Read a YAML document.

    Parameters
    ----------
    text
        The document; an empty one overrides nothing.
    source
        What to call it in messages.

    Raises
    ------
    HandError
        INVALID_INPUT when it is not YAML; MISSING_KEY or WRONG_TYPE for a key that is not
        known or a value that is not what its key takes, with the valid ones.
    """
    document = parse_yaml(text, source, HandError)
    values = _mapping({} if document is None else document, source, HandOverrides)
    return HandOverrides(
        **{key: _READERS[key](value, f"{source}: '{key}'") for key, value in values.items()}
    )


def write_overrides(overrides: HandOverrides) -> str:
    """YAML document that `read_overrides` reads as these."""
    import yaml

    plain = {k: v for k, v in asdict(overrides).items() if v}
    plain['palm'] = {k: list(v) for k, v in asdict(overrides.palm).items() if v is not None}
    if 'ignored_collisions' in plain:
        plain['ignored_collisions'] = [list(pair) for pair in plain['ignored_collisions']]
    return yaml.safe_dump({k: v for k, v in plain.items() if v}, sort_keys=False)


def _mapping(value: object, where: str, keys: type | None = None) -> dict[str, Any]:
    """Check a mapping and its keys, which are a dataclass's fields where one is given."""
    if not isinstance(value, Mapping):
        raise _wrong(where, value, 'names with values')
    result = {str(k): v for k, v in value.items()}
    if keys is not None:
        valid = [f.name for f in fields(keys)]
        unknown = set(result) - set(valid)
        if unknown:
            raise HandError(
                f'{where} has no {choices(unknown)}; keys are {choices(valid)}.',
                ErrorCode.MISSING_KEY,
            )
    return result


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
        raise _wrong(where, value, 'a number')
    return float(value)


def _sign(value: object, where: str) -> int:
    if isinstance(value, bool) or value not in (-1, 0, 1):
        raise _wrong(where, value, '1, -1 or 0')
    return int(value)


def _share(value: object, where: str) -> float:
    number = _number(value, where)
    if not 0.0 <= number <= 1.0:
        raise _wrong(where, value, '0 to 1')
    return number


def _positive(value: object, where: str) -> float:
    number = _number(value, where)
    if number <= 0.0:
        raise _wrong(where, value, 'more than 0')
    return number


def _name(value: object, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _wrong(where, value, 'a name')
    return value


def _vector(value: object, where: str) -> tuple[float, float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise _wrong(where, value, 'three numbers')
    x, y, z = (_number(v, where) for v in value)
    return x, y, z


def _direction(value: object, where: str) -> tuple[float, float, float] | None:
    vector = _vector(value, where)
    if vector is not None and math.hypot(*vector) < 1e-6:
        raise _wrong(where, value, 'a direction, which has a length')
    return vector


def _by_name(read: Callable[[object, str], Any]) -> Callable[[object, str], dict[str, Any]]:
    """Reader of names with values of one kind."""

    def reader(value: object, where: str) -> dict[str, Any]:
        return {k: read(v, f'{where}, {quoted(k)}') for k, v in _mapping(value, where).items()}

    return reader


def _locked(value: object, where: str) -> dict[str, float | None]:
    """Names with positions, or names alone."""
    if isinstance(value, list):
        return {str(name): None for name in value}
    positions = _mapping(value, where)
    return {
        k: v if v is None else _number(v, f'{where}, {quoted(k)}') for k, v in positions.items()
    }


def _pairs(value: object, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or any(
        not isinstance(pair, list) or len(pair) != 2 for pair in value
    ):
        raise _wrong(where, value, 'a list of pairs of names')
    return tuple((str(a), str(b)) for a, b in value)


def _palm(value: object, where: str) -> PalmOverride:
    values = _mapping(value, where, PalmOverride)
    readers = {'position': _vector, 'approach': _direction, 'forward': _direction}
    return PalmOverride(**{k: readers[k](v, f"{where}, '{k}'") for k, v in values.items()})


def _coupling(value: object, where: str) -> Coupling:
    values = _mapping(value, where, Coupling)
    if not isinstance(values.get('follows'), str):
        raise _wrong(f"{where}, 'follows'", values.get('follows'), "a joint's name")
    numbers = {k: _number(v, f"{where}, '{k}'") for k, v in values.items() if k != 'follows'}
    return Coupling(follows=values['follows'], **numbers)


def _wrong(where: str, value: object, expected: str) -> HandError:
    return HandError(f'{where} is {quoted(value)}; expected {expected}.', ErrorCode.WRONG_TYPE)


_READERS: Mapping[str, Callable[[object, str], Any]] = {
    'root': _name,
    'palm': _palm,
    'closing': _by_name(_sign),
    'preshape': _by_name(_number),
    'contact_weights': _by_name(_share),
    'ignored_collisions': _pairs,
    'locked_joints': _locked,
    'joint_stiffness': _by_name(_positive),
    'couplings': _by_name(_coupling),
}
