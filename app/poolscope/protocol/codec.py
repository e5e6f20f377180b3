"""Encodes frozen dataclasses as JSON and decodes them by their type hints; standard library only.

A class is described by its fields' hints alone. These may stand in a hint: `int`, `float`, `str`, `bool`, `None`,
`Literal`, `Enum` classes, `X | Y`, `list[X]`, `tuple[X, ...]`, `tuple[X, Y]`, `Mapping[str, X]`, another dataclass, and
a family of tagged classes. Fields that the reader's class does not know are dropped, so that a newer writer can still
be read; a missing field gets its default.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from poolscope.errors import MalformedMessage, MalformedRecord

T = TypeVar("T")
Member = TypeVar("Member", bound="Tagged")
Coder = Callable[[Any], Any]

# One encoder kept: json.dumps with separators builds a new one a call. NaN is no JSON, so it must not leave.
encode_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class WrongShape(ValueError):
    """The data is not what a type hint says; the message names the path to it."""


class Tagged:
    """Base of families: a direct subclass is a family, and its subclasses are members, told apart by their `tag`.

    Where a hint names a family, JSON holds {"name": tag, "value": {…}}.
    """

    __slots__ = ()
    tag: ClassVar[str]
    members: ClassVar[dict[str, type[Any]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Tagged in cls.__bases__:
            cls.members = {}
            return
        # `dataclass(slots=True)` makes the class a second time; that one counts.
        other = cls.members.get(cls.tag)
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{cls.__qualname__} and {other.__qualname__} have the same tag {cls.tag!r}")
        cls.members[cls.tag] = cls

    @classmethod
    def decode(cls, tag: object, value: object) -> Self:
        """The member of this family that has the tag. Raises WrongShape."""
        member = cls.members.get(tag) if isinstance(tag, str) else None
        if member is None:
            raise WrongShape(f"{tag!r} is no {cls.__name__}")
        found: Self = from_json(member, value)
        return found


def to_json(value: Any) -> Any:
    """A dataclass as the very dict that `json.loads` makes of its JSON: tuples have become lists."""
    return _ENCODERS[type(value)](value)


def from_json(cls: type[T], data: object) -> T:
    """The instance of a dataclass that JSON data describes. Raises WrongShape."""
    found: T = _DECODERS[cls](data)
    return found


def to_line(message: Tagged) -> bytes:
    """A tagged message as one UTF-8 JSON object without a line end. Raises ValueError for what JSON can't hold."""
    return encode_text(_tagged(message)).encode("utf-8", "backslashreplace")


def from_line(family: type[Member], line: bytes | str) -> Member:
    """The message that a line holds. Raises MalformedMessage."""
    try:
        body = json.loads(line)
        return family.decode(body["name"], body["value"])
    except KeyError as missing:
        raise MalformedMessage(family.__name__, line, f"it has no {missing}") from None
    except (ValueError, TypeError, RecursionError) as wrong:
        raise MalformedMessage(family.__name__, line, str(wrong)) from None


class RecordLines(Generic[T]):
    """Dataclasses as lines of their own format: one UTF-8 JSON object with the `kind` of its class beside its fields.

    `carrier` is the class whose `payload` is a tagged message: its line holds the tag as `name` and the fields
    of that as `value`.
    """

    def __init__(self, kinds: Mapping[str, type[T]], carrier: type[T]) -> None:
        self._kinds = kinds
        self._names = {kind: name for name, kind in kinds.items()}
        self._carrier = carrier
        # The fields of a class that json takes as they are, None where it does not; looked at when the first one is
        # written, for reading type hints takes a millisecond a class, and a child has few kinds to write.
        self._plain: dict[type[T], tuple[str, ...] | None] = {}

    def write(self, record: T) -> bytes:
        """Return the record as one line, without a line end. Raises ValueError for what JSON can't hold."""
        kind: Any = type(record)
        body: dict[str, Any] = {"kind": self._names[kind]}
        try:
            plain = self._plain[kind]
        except KeyError:
            plain = self._plain[kind] = _plain_fields(kind)
        if plain is not None:
            for name in plain:
                body[name] = getattr(record, name)
        elif kind is self._carrier:
            told = to_json(record)
            payload = told.pop("payload")
            body |= {**told, **payload}
        else:
            body |= to_json(record)
        # A lone surrogate (os.fsdecode makes them) is no UTF-8; it is shown escaped rather than lost.
        return encode_text(body).encode("utf-8", "backslashreplace")

    def read(self, line: bytes) -> T:
        """Return the record that a line holds; unknown fields are dropped, so that a newer runner can still be read.

        Raises MalformedRecord when the line is no JSON object, has no known kind, lacks a field or has one of a wrong
        type.
        """
        try:
            body = json.loads(line)
            kind = self._kinds[body["kind"]]
            if kind is self._carrier:
                body["payload"] = body
            return from_json(kind, body)
        except KeyError as unknown:
            raise MalformedRecord(line, f"unknown kind {unknown}") from None
        except (ValueError, TypeError, AttributeError, RecursionError) as broken:
            raise MalformedRecord(line, str(broken)) from None


def same(value: Any) -> Any:
    return value


# Encoding


def _plain_fields(cls: type) -> tuple[str, ...] | None:
    """The fields of a class where json takes all of them as they are."""
    encoders = _field_encoders(cls)
    return tuple(name for name, _ in encoders) if all(encoder is same for _, encoder in encoders) else None


def _field_encoders(cls: type) -> list[tuple[str, Coder]]:
    hints = get_type_hints(cls)
    return [(field.name, _encoder(hints[field.name])) for field in fields(cls)]


def _dataclass_encoder(cls: type) -> Coder:
    encoders = _field_encoders(cls)
    if all(encoder is same for _, encoder in encoders):
        names = tuple(name for name, _ in encoders)
        return lambda value: {name: getattr(value, name) for name in names}
    return lambda value: {name: encoder(getattr(value, name)) for name, encoder in encoders}


def _encoder(hint: Any) -> Coder:
    """How a value of this hint becomes what json takes; `same` where it does so already."""
    if isinstance(hint, type) and issubclass(hint, Tagged) and Tagged in hint.__bases__:
        return _tagged
    if isinstance(hint, type) and is_dataclass(hint):
        return to_json
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        structured = [part for part in arguments if _encoder(part) is not same]
        if not structured:
            return same
        if len(structured) == 1:
            encoder = _encoder(structured[0])
            return lambda value: None if value is None else encoder(value)
        return lambda value: None if value is None else to_json(value)  # dataclasses, each knows itself
    if origin in (list, tuple):
        encoders = [_encoder(part) for part in arguments if part is not Ellipsis]
        if all(encoder is same for encoder in encoders):
            return same if origin is list else list
        if origin is list or arguments[-1] is Ellipsis:
            (encoder,) = encoders
            return lambda value: [encoder(part) for part in value]
        return lambda value: [encoder(part) for encoder, part in zip(encoders, value, strict=True)]
    if origin in (dict, Mapping):
        encoder = _encoder(arguments[1])
        if encoder is same:
            return same if origin is dict else dict  # json takes no mapping but a dict
        return lambda value: {name: encoder(part) for name, part in value.items()}
    return same


def _tagged(message: Tagged) -> dict[str, Any]:
    return {"name": message.tag, "value": to_json(message)}


# Decoding


def _dataclass_decoder(cls: type) -> Coder:
    hints = get_type_hints(cls)
    decoders = [
        (field.name, _decoder(hints[field.name]), field.default is MISSING and field.default_factory is MISSING)
        for field in fields(cls)
    ]

    def decode(data: Any) -> Any:
        if type(data) is not dict:
            raise WrongShape(f"{_shown(data)} is no {cls.__name__}")
        found = {}
        for name, decoder, needed in decoders:
            if name in data:
                try:
                    found[name] = decoder(data[name])
                except WrongShape as wrong:
                    raise WrongShape(f"{name}: {wrong}") from None
            elif needed:
                raise WrongShape(f"{cls.__name__} lacks {name!r}")
        return cls(**found)

    return decode


def _decoder(hint: Any) -> Coder:
    """How JSON data becomes a value of this hint. The decoder raises WrongShape for other data."""
    if isinstance(hint, type) and issubclass(hint, Tagged) and Tagged in hint.__bases__:
        return _tagged_decoder(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda data: from_json(hint, data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _one_of({member.value: member for member in hint})
    if hint in _SCALARS:
        return _scalar_decoder(hint.__name__, _SCALARS[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _one_of({choice: choice for choice in arguments})
    if origin in (Union, types.UnionType):
        return _union_decoder(arguments)
    if origin in (list, tuple):
        return _sequence_decoder(origin, arguments)
    if origin in (dict, Mapping) and arguments[0] is str:
        return _mapping_decoder(arguments[1])
    if hint is Any:
        return same
    raise TypeError(f"{hint!r} can't be decoded from JSON")


# JSON writes 2.0 and 2 for the same number, so a float may come as an int; a bool is no number.
_SCALARS: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (float, int),
    str: (str,),
    bool: (bool,),
    type(None): (type(None),),
}


def _scalar_decoder(name: str, allowed: tuple[type, ...]) -> Coder:
    def decode(data: Any) -> Any:
        if type(data) not in allowed:
            raise WrongShape(f"{_shown(data)} is no {name}")
        return data

    return decode


def _one_of(choices: Mapping[Any, Any]) -> Coder:
    def decode(data: Any) -> Any:
        try:
            return choices[data]
        except (KeyError, TypeError):  # TypeError: a list or an object can't be a key
            raise WrongShape(f"{_shown(data)} is none of {', '.join(map(repr, choices))}") from None

    return decode


def _union_decoder(parts: Iterable[Any]) -> Coder:
    allowed = tuple(kind for part in parts for kind in _SCALARS.get(part, ()))
    others = [_decoder(part) for part in parts if part not in _SCALARS]

    def decode(data: Any) -> Any:
        if type(data) in allowed:
            return data
        wrong = ""
        for other in others:
            try:
                return other(data)
            except WrongShape as this:
                wrong = str(this)
        raise WrongShape(wrong or f"{_shown(data)} is none of {', '.join(kind.__name__ for kind in allowed)}")

    return decode


def _sequence_decoder(origin: type, parts: tuple[Any, ...]) -> Coder:
    if origin is tuple and (not parts or parts[-1] is not Ellipsis):
        decoders = [_decoder(part) for part in parts]

        def decode_fixed(data: Any) -> Any:
            if type(data) is not list or len(data) != len(decoders):
                raise WrongShape(f"{_shown(data)} is no list of {len(decoders)}")
            return tuple(decoder(part) for decoder, part in zip(decoders, data, strict=True))

        return decode_fixed
    decoder, allowed = _decoder(parts[0]), set(_SCALARS.get(parts[0], ()))

    def decode(data: Any) -> Any:
        if type(data) is not list:
            raise WrongShape(f"{_shown(data)} is no list")
        if allowed and set(map(type, data)) <= allowed:  # in C: a list of numbers may be long
            return origin(data)
        return origin(map(decoder, data))

    return decode


def _mapping_decoder(part: Any) -> Coder:
    decoder = _decoder(part)

    def decode(data: Any) -> Any:
        if type(data) is not dict:
            raise WrongShape(f"{_shown(data)} is no object")
        return {name: decoder(value) for name, value in data.items()}

    return decode


def _tagged_decoder(family: type[Tagged]) -> Coder:
    def decode(data: Any) -> Any:
        if type(data) is not dict or not {"name", "value"} <= data.keys():
            raise WrongShape(f"{_shown(data)} is no {family.__name__}")
        return family.decode(data["name"], data["value"])

    return decode


def _shown(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:59]}…"


class _Coders(dict[type, Coder]):
    """One coder a dataclass, made when it is first needed: hints can be resolved once the module is complete."""

    def __init__(self, make: Callable[[type], Coder]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, cls: type) -> Coder:
        self[cls] = coder = self._make(cls)
        return coder


_ENCODERS = _Coders(_dataclass_encoder)
_DECODERS = _Coders(_dataclass_decoder)
