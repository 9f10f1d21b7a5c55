"""Execution indexes: names for remote calls that are the same in every execution."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import lru_cache

Pair = tuple[str, int]

# Nearly all indexes have this form and need no JSON parser.
_PAIR = r'\["[^"\\\x00-\x1f]*", [1-9][0-9]{0,9}\]'
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_USUAL = re.compile(rf"\[{_PAIR}(?:, {_PAIR})*\]")
_LAST_PAIR = re.compile(rf", {_PAIR}\]")


class ExecutionIndex(str):
    """The path of calls that leads to a call, as a string.

    The text is the form on the wire, a JSON list of ``[signature, count]`` pairs with Python's
    default separators; receivers compare it as text. As a ``str`` it is a cheap key for the search,
    which looks up millions of them.

    Source: execution indexing as used in the Filibuster paper (SoCC '21, section 4.2).
    """

    __slots__ = ()

    @classmethod
    def from_pairs(cls, pairs: Iterable[Pair]) -> ExecutionIndex:
        """The index with these ``(signature, count)`` pairs, outermost first."""
        return cls(json.dumps([[signature, count] for signature, count in pairs]))

    @classmethod
    def parse(cls, text: str) -> ExecutionIndex:
        """Read an index of another source; its text stays unchanged.

        :raises ValueError: the text is not a JSON list of ``[string, positive integer]`` pairs.
        """
        if not _USUAL.fullmatch(text) and not _pairs_of(text):
            return ROOT
        return cls(text)

    @classmethod
    def received(cls, text: str) -> ExecutionIndex:
        """The index with any text: for a receiver, an index is an opaque key.

        A text that is not a list of pairs counts as a call of the test's own code.
        """
        return cls(text)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The ``(signature, count)`` pairs, outermost first; of an opaque index, a single one."""
        try:
            return _known_pairs_of(self)
        except ValueError:
            return ((str(self), 1),)

    @property
    def depth(self) -> int:
        """The number of nested calls: 1 for a request made by the test itself."""
        return len(self.pairs)

    @property
    def parent(self) -> ExecutionIndex:
        """The index of the request whose handler made this call.

        :raises ValueError: this is the root, which has no caller.
        """
        if self == ROOT:
            raise ValueError("the root execution index has no parent")
        return _parent_of(self)

    def child(self, signature: str, count: int) -> ExecutionIndex:
        """The index of the ``count``-th call (from 1) with ``signature`` below this request."""
        return _child_of(self, signature, count)


# All executions of an exploration make nearly the same calls.
@lru_cache(maxsize=8192)
def _child_of(index: ExecutionIndex, signature: str, count: int) -> ExecutionIndex:
    quoted = f'"{signature}"' if _PLAIN.fullmatch(signature) else json.dumps(signature)
    pair = f"[{quoted}, {count}]"
    return ExecutionIndex(f"[{pair}]" if index == ROOT else f"{index.rstrip()[:-1]}, {pair}]")


@lru_cache(maxsize=8192)
def _parent_of(index: ExecutionIndex) -> ExecutionIndex:
    last = index.rfind(', ["')
    if last > 0 and _LAST_PAIR.fullmatch(index, last):
        return ExecutionIndex(f"{index[:last]}]")
    above = [list(pair) for pair in index.pairs[:-1]]
    if not above:
        return ROOT
    compact = json.dumps(above, separators=(",", ":"))  # Other languages write JSON this way.
    return ExecutionIndex(compact if index.startswith(compact[:-1]) else json.dumps(above))


def _pairs_of(text: str) -> tuple[Pair, ...]:
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("not an execution index: nested too deeply") from error
    if not isinstance(value, list) or not all(_is_pair(pair) for pair in value):
        raise ValueError(f"not an execution index: {text[:80]!r}")
    return tuple((pair[0], pair[1]) for pair in value)


# For each request of a test, and each call whose line is unknown.
_known_pairs_of = lru_cache(maxsize=4096)(_pairs_of)


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and type(value[1]) is int
        and value[1] > 0
    )


@lru_cache(maxsize=4096)
def signature_of(*parts: str) -> str:
    """The signature of a call: a digest of its identifying parts (32 hexadecimal digits)."""
    text = "\x1f".join(parts).encode("utf-8", "backslashreplace")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


ROOT = ExecutionIndex("[]")
"""The index of the functional test itself."""
