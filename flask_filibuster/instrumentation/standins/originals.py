"""What a test has replaced: a proxy is never asked for what it stands for."""

from __future__ import annotations

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
