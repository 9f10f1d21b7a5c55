"""JSON Pointers (RFC 6901), with one addition.

The items of a list count as one part, written ``*``: ``/items/*/price`` is the price of the first
item.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LONGEST_POINTER = 200


def locate(holder: list[Any], pointer: str) -> tuple[Any, Any] | None:
    """The container of a part, and its key or index there; ``None``: there is no such part.

    >>> locate([{"items": [{"price": 12}]}], "/items/*/price")
    ({'price': 12}, 'price')

    :param holder: a list whose only item is the document, which so has a container, too.
    :param pointer: the pointer.
    """
    container: Any = holder
    key: Any = 0
    for step in _steps(pointer):
        inner = container[key]
        if isinstance(inner, dict) and step in inner:
            container, key = inner, step
            continue
        number = 0 if step == "*" else int(step) if step.isdecimal() else -1
        if not isinstance(inner, list) or not 0 <= number < len(inner):
            return None
        container, key = inner, number
    return container, key


def is_pointer(text: object) -> bool:
    """Whether a text is a JSON Pointer.

    >>> is_pointer(""), is_pointer("/items/*/price"), is_pointer("price")
    (True, True, False)
    """
    return isinstance(text, str) and (not text or text[0] == "/") and len(text) <= LONGEST_POINTER


def _steps(pointer: str) -> Iterator[str]:
    for step in pointer.split("/")[1:]:
        yield step.replace("~1", "/").replace("~0", "~")


def escaped(key: str) -> str:
    """A key as a step of a pointer."""
    return key.replace("~", "~0").replace("/", "~1")
