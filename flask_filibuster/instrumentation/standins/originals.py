"""What a test has replaced: a proxy is never asked for what it stands for."""

from __future__ import annotations

import inspect
from typing import Any

_HARMLESS = ("unittest", "mock", "wrapt", "_wrappers")


def is_lazy_proxy(original: Any) -> bool:
    """Whether an object gives itself out for another, which it looks up or makes when asked.

    Flask's ``session`` is one: it raises outside a request; a lazy object is made by a question.
    Mocks and wrapt's wrappers have what they stand for already.

    >>> from flask import session
    >>> is_lazy_proxy(session)
    True
    >>> is_lazy_proxy(print)
    False

    :param original: any object; only its class is looked at.
    """
    for each in type(original).__mro__[:-1]:
        if "__class__" in vars(each):
            return each.__module__.partition(".")[0] not in _HARMLESS
    return False


def original_of(owner: Any, name: str, kept: Any) -> Any:
    """What a ``monkeypatch`` has replaced.

    It keeps only what was the owner's own, and a sentinel if the attribute is inherited.

    :param owner: the object or class.
    :param name: the attribute's name.
    :param kept: what ``monkeypatch`` keeps of it.
    """
    if type(kept).__name__.lower() not in ("notset", "notsettype"):
        return kept
    if isinstance(owner, type):
        found = (vars(each)[name] for each in owner.__mro__[1:] if name in vars(each))
        return next(found, None)
    return inspect.getattr_static(type(owner), name, None)
