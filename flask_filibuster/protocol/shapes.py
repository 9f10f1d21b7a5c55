"""The shapes of JSON answers, as JSON: bounded, as callers of any kind may send one."""

from __future__ import annotations

from typing import Any

from flask_filibuster.core.documents.pointers import LONGEST_POINTER
from flask_filibuster.core.documents.shape import MOST_PARTS, Shape
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.codec import Codec, Form, Record
from flask_filibuster.protocol.reading import text_of

_LONGEST_TYPE = 20


def write_shape(shape: Shape) -> Record:
    """A shape as plain data."""
    return _SHAPE.write(shape)


def read_shape(value: Any, name: str = "a shape") -> Shape:
    """Read the output of :func:`write_shape`.

    :raises WireError: it is invalid, or too large.
    """
    return _SHAPE.read(value, name)


def _pointers(value: Any, name: str) -> tuple[str, ...]:
    return tuple(text_of(each, name, most=LONGEST_POINTER) for each in _few(value, name))


def _parts(value: Any, name: str) -> tuple[tuple[str, str], ...]:
    rows = [_few(each, name) for each in _few(value, name)]
    if any(len(row) != 2 for row in rows):
        raise WireError(f"{name} is not a list of pairs")
    return tuple(
        (
            text_of(row[0], name, most=LONGEST_POINTER),
            text_of(row[1], name, most=_LONGEST_TYPE),
        )
        for row in rows
    )


def _few(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > MOST_PARTS:
        raise WireError(f"{name} is not a list of at most {MOST_PARTS} entries")
    return list(value)


_SHAPE = Form(
    Shape,
    name="a shape",
    codecs={
        "parts": Codec(_parts, lambda parts: [list(part) for part in parts]),
        "unread": Codec(_pointers, list),
    },
)
