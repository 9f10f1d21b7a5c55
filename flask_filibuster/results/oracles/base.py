"""What an oracle is: a judgement that needs no assertion of the test.

An oracle is one file: a subclass of :class:`Oracle` that says what it looks for in an execution
beside the fault-free one. Its docstring is its page: why what it finds matters, and how to mend it.

>>> from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting
>>> class Chatty(Oracle):
...     '''A handler makes more than ten calls: each of them can fail.'''
...     name, severity = "many calls", "note"
...     def look(self, seen):
...         for handling in seen.trace.handlings.values():
...             made = len(seen.calls.get(handling.index, ()))
...             if made > 10:
...                 message = f"{handling.service} makes {made} calls in {handling.path}"
...                 yield Sighting((handling.service, handling.path), message, handling.service)

A package declares its oracles as entry points of the group ``flask_filibuster.oracles``.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.vocabulary import Severity
from flask_filibuster.results.identity import Seen

__all__ = ["Oracle", "Seen", "Sighting"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One occurrence of what an oracle looks for, in one execution.

    >>> Sighting(("/",), "shop redirects GET /", "shop").message
    'shop redirects GET /'

    :ivar what: equal for occurrences of the same thing, in whatever execution.
    :ivar message: what was found, in a sentence.
    :ivar service: the service it is about.
    :ivar site: where in the application.
    :ivar cause: the calls that caused it; what other calls cause is another finding. Empty where
        the cause makes no difference.
    """

    what: tuple[str, ...]
    message: str
    service: str
    site: CallSite | None = None
    cause: tuple[Call, ...] = ()


class Oracle(ABC):
    """A judgement.

    >>> class Redirects(Oracle):
    ...     '''A service answers with a redirect.'''
    ...     name, severity = "redirect", "note"
    ...     def look(self, seen):
    ...         for each in seen.trace.handlings.values():
    ...             if each.answer is not None and each.answer.status == 302:
    ...                 yield Sighting((each.path,), "a redirect", each.service)
    >>> Redirects()
    <oracle 'redirect', note>

    :ivar name: what it is called, and its findings are.
    :ivar severity: ``"error"``: what it finds is a bug; ``"warning"``: it asks for one; ``"note"``:
        it is worth knowing.
    """

    name: str
    severity: Severity

    @property
    def page(self) -> str:
        """Why what it finds matters, and how to mend it: its docstring."""
        return inspect.getdoc(type(self)) or ""

    @abstractmethod
    def look(self, seen: Seen) -> Iterable[Sighting]:
        """Look at one execution.

        :param seen: the execution, beside the fault-free one (which is looked at, too).
        :returns: what was found in it.
        """

    def __repr__(self) -> str:
        return f"<oracle {self.name!r}, {self.severity}>"
