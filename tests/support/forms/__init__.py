"""Forms: the ways to make a call, to replace it, the places and the threads where one is made.

Each form is a small function. The tests of :mod:`tests.exploring.test_seen` combine them at random,
and :mod:`tests.support.seen` makes the table of the documentation from them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

SEEN = "seen and failed"
"""What is said of a form whose call fails, in the table of the documentation."""

Made = TypeVar("Made", bound=Callable[..., Any])


@dataclass(frozen=True)
class Form(Generic[Made]):
    """One form.

    :ivar name: its name in tests.
    :ivar words: its name in the documentation.
    :ivar make: the function.
    :ivar needs: import name of the library that it needs, if it is not ours.
    :ivar client: name of the client that it replaces, if it is a mock.
    """

    name: str
    words: str
    make: Made
    needs: str = ""
    client: str = "requests_function"

    @property
    def is_possible(self) -> bool:
        """Whether its library is installed."""
        try:
            return not self.needs or importlib.util.find_spec(self.needs) is not None
        except ModuleNotFoundError:  # Of the package around it.
            return False

    def __repr__(self) -> str:
        return self.name


class Forms(Generic[Made]):
    """The forms of one kind; functions are added by the decorator that :meth:`form` returns."""

    def __init__(self) -> None:
        self._all: dict[str, Form[Made]] = {}

    def form(
        self,
        words: str,
        needs: str = "",
        *,
        client: str = "requests_function",
        name: str = "",
    ) -> Callable[[Made], Made]:
        """Add a function, by default under its own name."""

        def add(make: Made) -> Made:
            self.add(Form(name or make.__name__, words, make, needs, client))
            return make

        return add

    def add(self, form: Form[Made]) -> None:
        assert form.name not in self._all, form
        self._all[form.name] = form

    def __getitem__(self, name: str) -> Form[Made]:
        return self._all[name]

    @property
    def every(self) -> list[Form[Made]]:
        """All forms, also those whose library is not installed."""
        return list(self._all.values())

    @property
    def possible(self) -> list[Form[Made]]:
        """The forms that can be tried here."""
        return [each for each in self._all.values() if each.is_possible]
