"""The one codec: dataclasses to plain data for JSON, and back, strictly checked.

The codec of a field follows from its type. A :class:`Form` declares where the JSON of a class
differs from its fields. A new field with a default needs no edit here: the JSON omits a field that
holds its default, so older formats stay unchanged and older records can be read.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import (
    Any,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.reading import (
    flag,
    index_of,
    integer,
    mapping,
    number,
    one_of,
    words_of,
)

T = TypeVar("T")
Record = dict[str, Any]
Write = Callable[[Any], Any]
Read = Callable[[Any, str], Any]

MOST_LISTED = 1_000_000
"""Maximum length of a list; the size of a body in bytes is checked before."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Writes and reads values of one type.

    :ivar read: converts plain data, and a name for errors, to a value.
    :ivar write: converts a value to plain data; ``None``: the value is plain.
    :ivar optional: whether ``None`` is allowed, and written as such.
    """

    read: Read
    write: Write | None = None
    optional: bool = False


class _Field(NamedTuple):
    """One field of a form: its key in JSON, its codec, and the factory of its default."""

    name: str
    key: str
    codec: Codec
    default: Callable[[], Any] | None


class Form(Generic[T]):
    """The JSON form of one dataclass.

    >>> @dataclass(frozen=True)
    ... class Parcel:
    ...     weight: float
    ...     labels: tuple[str, ...] = ()
    ...     fragile: bool = False
    >>> form = Form(Parcel, rename={"weight": "kg"}, always=["labels"])
    >>> form.write(Parcel(2.5))
    {'kg': 2.5, 'labels': []}
    >>> form.read({"kg": 1, "labels": ["a"], "stamp": "unknown keys are ignored"})
    Parcel(weight=1, labels=('a',), fragile=False)
    >>> form.read({"kg": 1, "labels": "a"})
    Traceback (most recent call last):
    ...
    flask_filibuster.errors.WireError: labels is not a list

    :param cls: the dataclass.
    :param name: its name in errors; by default, the name of the class.
    :param rename: keys of JSON by field, where they differ.
    :param skip: fields that are not written; they need defaults.
    :param always: fields that are written even with their default values.
    :param needed: fields that are required in spite of their defaults.
    :param codecs: codecs by field, where the type is not enough.
    :param known: codecs by type, overriding the derived ones.
    """

    def __init__(
        self,
        cls: type[T],
        *,
        name: str = "",
        rename: Mapping[str, str] = types.MappingProxyType({}),
        skip: Collection[str] = (),
        always: Collection[str] = (),
        needed: Collection[str] = (),
        codecs: Mapping[str, Codec] = types.MappingProxyType({}),
        known: Mapping[Any, Codec] = types.MappingProxyType({}),
    ) -> None:
        self._cls = cls
        self._name = name or cls.__name__
        self._rename = rename
        self._skip = skip
        self._always = always
        self._needed = needed
        self._codecs = codecs
        self._known = known

    @property
    def codec(self) -> Codec:
        """The form, for fields of its class in other classes."""
        return Codec(self.read, self.write)

    @cached_property
    def _fields(self) -> tuple[_Field, ...]:
        # On first use: resolving type hints is slow, and most processes use few forms.
        hints = get_type_hints(self._cls)
        return tuple(
            _Field(
                each.name,
                self._rename.get(each.name, each.name),
                self._codecs.get(each.name) or codec_of(hints[each.name], self._known),
                _default_of(each),
            )
            for each in fields(self._cls)  # type: ignore[arg-type]
            if each.name not in self._skip
        )

    # Both directions precompute their per-object steps: nearly as fast as hand-written code for
    # each class.

    @cached_property
    def _reading(self) -> list[tuple[str, str, Read, bool, bool]]:
        """For each field: name, key, reader, whether it may be ``None``, whether it may miss."""
        return [
            (
                each.name,
                each.key,
                each.codec.read,
                each.codec.optional,
                each.default is not None and each.name not in self._needed,
            )
            for each in self._fields
        ]

    @cached_property
    def _write(self) -> Callable[[T], Record]:
        own, omitted = self._fields, self._omitted
        keys = [each.key for each in own]
        names = [each.name for each in own]
        get = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
        writes = [(each.key, each.codec.write) for each in own if each.codec.write is not None]

        def write(value: T) -> Record:
            record = dict(zip(keys, get(value)))  # noqa: B905 - of one length by construction
            for key, plain in writes:
                if record[key] is not None:
                    record[key] = plain(record[key])
            for key, default in omitted:
                if record[key] == default:
                    del record[key]
            return record

        if writes or omitted:
            return write
        return lambda value: dict(zip(keys, get(value)))  # noqa: B905 - as above

    @cached_property
    def _omitted(self) -> list[tuple[str, Any]]:
        """The keys that are omitted for default values, with the written defaults."""
        omitted = []
        for each in self._fields:
            if each.default is not None and each.name not in self._always:
                default, write = each.default(), each.codec.write
                plain = default if write is None or default is None else write(default)
                omitted.append((each.key, plain))
        return omitted

    def write(self, value: T) -> Record:
        """An object as plain data."""
        return self._write(value)

    def read(self, value: Any, name: str = "") -> T:
        """Read the output of :meth:`write`. Unknown keys are ignored.

        :param value: plain data.
        :param name: its name in errors.
        :raises WireError: it is invalid.
        :raises FaultModelError: it has an invalid fault.
        """
        entry = mapping(value, name or self._name)
        arguments: dict[str, Any] = {}
        for field, key, read, optional, may_miss in self._reading:
            try:
                plain = entry[key]
            except KeyError:
                if may_miss:
                    continue
                raise WireError(f"{name or self._name} has no {key}") from None
            arguments[field] = None if plain is None and optional else read(plain, key)
        return self._cls(**arguments)


def _default_of(field: Any) -> Callable[[], Any] | None:
    if field.default is not MISSING:
        default = field.default
        return lambda: default
    return None if field.default_factory is MISSING else field.default_factory


def codec_of(hint: Any, known: Mapping[Any, Codec]) -> Codec:
    """The codec derived from a type.

    :param hint: the type.
    :param known: codecs by type, overriding the derived ones.
    :raises TypeError: there is no codec for the type.
    """
    if hint in known:
        return known[hint]
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return Codec(lambda value, name: one_of(value, arguments, name))
    if origin in (Union, types.UnionType) and len(arguments) == 2 and arguments[1] is type(None):
        return replace(codec_of(arguments[0], known), optional=True)
    if origin in (tuple, Sequence) and (origin is Sequence or arguments[-1] is ...):
        return list_of(codec_of(arguments[0], known))
    if origin is tuple:
        return row_of([codec_of(each, known) for each in arguments])
    if is_dataclass(hint) and isinstance(hint, type):
        return Form(hint, known=known).codec
    raise TypeError(f"cannot derive a codec from {hint!r}")


def list_of(codec: Codec, make: Callable[[Iterable[Any]], Any] = tuple) -> Codec:
    """A codec for any number of values, without ``None``.

    :param codec: the codec of each value.
    :param make: creates the collection; it is written by iteration.
    """
    read, write = codec.read, codec.write

    def read_all(value: Any, name: str) -> Any:
        return make([read(each, name) for each in _listed(value, name)])

    return Codec(read_all, list if write is None else lambda values: list(map(write, values)))


def row_of(codecs: Sequence[Codec]) -> Codec:
    """A codec for a fixed number of values, each with its own codec."""
    length, are_plain = len(codecs), all(each.write is None for each in codecs)

    def read(value: Any, name: str) -> Any:
        listed = _listed(value, name)
        if len(listed) != length:
            raise WireError(f"{name} is not a list of {length} values")
        return tuple(
            None if each is None and codec.optional else codec.read(each, name)
            for codec, each in zip(codecs, listed, strict=True)
        )

    def write(values: Any) -> Any:
        return [
            value if codec.write is None or value is None else codec.write(value)
            for value, codec in zip(values, codecs, strict=True)
        ]

    return Codec(read, list if are_plain else write)


def _listed(value: Any, name: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise WireError(f"{name} is not a list")
    if len(value) > MOST_LISTED:
        raise WireError(f"{name} has more than {MOST_LISTED} entries")
    return value


_SIMPLE: Mapping[Any, Codec] = types.MappingProxyType(
    {
        str: Codec(words_of),
        bool: Codec(flag),
        int: Codec(integer),
        float: Codec(number),
        ExecutionIndex: Codec(lambda value, _: index_of(value), str),
    }
)
