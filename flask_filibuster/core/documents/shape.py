"""The shape of a JSON document: the parts that a fault may alter."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flask_filibuster.core.documents.pointers import LONGEST_POINTER, escaped

PartType: TypeAlias = Literal[
    "object", "empty list", "list", "rows", "word", "text", "number", "flag", "null"
]
"""The type of a part. ``"rows"``: a list whose order shows; ``"word"``: a text that may be one of
a few values."""

MOST_PARTS = 32
"""Maximum number of parts that a shape has."""

MOST_UNNAMED = 8
"""Maximum number of parts of one object none of whose keys are known to be read."""

LONGEST_BODY = 262_144
"""Longer bodies are not described, in bytes."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_OBJECT, _LIST = b"{", b"["


@dataclass(frozen=True, slots=True)
class Shape:
    """The parts of a JSON document.

    :ivar parts: those that its reader may read, outermost first: pointer and type.
    :ivar unread: pointers of the keys that its reader does not name.
    :ivar more: number of parts beyond the limits.
    """

    parts: tuple[tuple[str, str], ...]
    unread: tuple[str, ...] = ()
    more: int = 0

    def has(self, pointer: str) -> bool:
        """Whether the document has a part there, as far as known."""
        return pointer in self.unread or any(pointer == known for known, _ in self.parts)


def shape_of(document: Any, is_named: Callable[[str], bool] | None = None) -> Shape:
    """The shape of a JSON document.

    If the reader names no key of an object, it may read them by iteration: then all of them count,
    up to :data:`MOST_UNNAMED`.

    >>> document = {"items": [{"price": 12, "note": "new"}, {"price": 3}], "etag": "ab"}
    >>> shape = shape_of(document, {"items", "price"}.__contains__)
    >>> shape.parts
    (('', 'object'), ('/items', 'rows'), ('/items/*/price', 'number'))
    >>> shape.unread
    ('/etag', '/items/*/note')

    :param document: the document.
    :param is_named: whether its reader names a key; ``None``: it is unknown, so any may be read.
    """
    parts = [("", type_of(document))]
    unread: list[str] = []
    more = 0
    waiting = deque([("", document)])
    while waiting:
        pointer, value = waiting.popleft()
        if isinstance(value, list):
            waiting.extend((f"{pointer}/*", item) for item in value[:1])
            continue
        if not isinstance(value, dict):
            continue
        read = [key for key in value if is_named is not None and is_named(key)]
        most = len(read) if read else MOST_UNNAMED
        for number, key in enumerate(read or value):
            own = f"{pointer}/{escaped(key)}"
            if number >= most or len(own) > LONGEST_POINTER or len(parts) >= MOST_PARTS:
                more += 1
                continue
            parts.append((own, type_of(value[key])))
            waiting.append((own, value[key]))
        if read:
            unread.extend(f"{pointer}/{escaped(key)}" for key in value if key not in set(read))
    return Shape(tuple(parts), tuple(each[:LONGEST_POINTER] for each in unread[:MOST_PARTS]), more)


def type_of(value: Any) -> PartType:
    """The type of a part.

    >>> [type_of(each) for each in ({}, [], [1, 1], [1, 2], "paid", "Dear all", 1, True, None)]
    ['object', 'empty list', 'list', 'rows', 'word', 'text', 'number', 'flag', 'null']
    """
    if isinstance(value, list):
        if not value:
            return "empty list"
        return "list" if value == value[::-1] else "rows"
    if isinstance(value, str):
        return "word" if _WORD.fullmatch(value) else "text"
    if isinstance(value, dict):
        return "object"
    if value is None:
        return "null"
    return "flag" if isinstance(value, bool) else "number"


def may_be_json(content: bytes) -> bool:
    """Whether a body may be a JSON object or list that is described.

    >>> may_be_json(b' {"a": 1}'), may_be_json(b"<p>"), may_be_json(b"")
    (True, False, False)
    """
    return len(content) <= LONGEST_BODY and content[:64].lstrip()[:1] in (_OBJECT, _LIST)
