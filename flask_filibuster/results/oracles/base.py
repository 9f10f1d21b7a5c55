"""Oracles: judgements that need no assertion of the test.

An oracle is one file: a subclass of :class:`Oracle` that compares an execution with the fault-free
one. Its docstring is its page: why a finding matters, and how to fix it.

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
    """One sighting of a finding, in one execution.

    >>> Sighting(("/",), "shop redirects GET /", "shop").message
    'shop redirects GET /'

    :ivar what: equal for all sightings of one finding, across executions.
    :ivar message: the finding in a sentence.
    :ivar service: the service it is about.
    :ivar site: where in the application.
    :ivar cause: the calls that caused it; other causes make another finding. Empty if the cause is
        irrelevant.
    """

    what: tuple[str, ...]
    message: str
    service: str
    site: CallSite | None = None
    cause: tuple[Call, ...] = ()

    @classmethod
    def of(cls, call: Call, message: str, *more: str) -> Sighting:
        """One that is about a call, wherever it is made: equal for all calls of its call site.

        :param call: the call.
        :param message: the finding in a sentence.
        :param more: what else tells findings of that call site apart.
        """
        what = (call.source, call.method, str(call.callsite), *more)
        return cls(what, message, call.source, call.callsite)


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

    :ivar name: name of the oracle and of its findings.
    :ivar severity: ``"error"``: its findings are bugs; ``"warning"``: they invite bugs; ``"note"``:
        they are information.
    """

    name: str
    severity: Severity

    @property
    def page(self) -> str:
        """Why its findings matter, and how to fix them: its docstring."""
        return inspect.getdoc(type(self)) or ""

    @abstractmethod
    def look(self, seen: Seen) -> Iterable[Sighting]:
        """Look at one execution.

        :param seen: the execution, beside the fault-free one (which is looked at, too).
        :returns: the sightings in it.
        """

    def __repr__(self) -> str:
        return f"<oracle {self.name!r}, {self.severity}>"
