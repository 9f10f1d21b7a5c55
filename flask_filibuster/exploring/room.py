"""Room on the interpreter's stack, for what calls the same code again and again.

CPython, from 3.11 on, keeps the frames of Python functions in chunks of 16 KiB. A call that finds a
chunk full maps another one, and its return unmaps it. The next call from the same place maps it
again: where a chunk ends is chance, and a request took up to twice its time for it
(``benchmarks/execution.py``). A frame larger than a chunk gets one of its own, of the next power of
two; what is left of that one is the room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Function = TypeVar("_Function", bound=Callable[..., object])

# 128 KiB of pointers: in a chunk of 256 KiB, nearly as much is left, for some hundred frames. The
# unused half is address space, never touched.
_SLOTS = 2**14


def with_room(function: _Function) -> _Function:
    """Give the frame of a Python function so much space that what it calls fits beside it.

    >>> with_room(lambda: "the same")()
    'the same'

    :param function: the function, which is changed.
    """
    code = function.__code__
    function.__code__ = code.replace(co_stacksize=code.co_stacksize + _SLOTS)
    return function
