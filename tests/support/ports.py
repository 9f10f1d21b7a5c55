"""Ports for processes that have to be told their numbers before they start."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

BLOCK = 32
"""How many ports are given out, or not, together."""
BLOCKS = range(20_000, 30_000 - BLOCK, BLOCK)
"""The first port of each block, all below those that a system gives to whoever asks for any."""


@contextmanager
def ports(count: int) -> Iterator[int]:
    """The first of so many ports in a row, which nobody else gets here until the end of the block.

    That a port is free now does not say that it is when its service starts: other tests look for
    ports, too, in this process and in others. So a block of ports belongs to who listens on its
    first one, which is not given out.
    """
    assert count < BLOCK
    with ExitStack() as stack:
        for first in random.sample(BLOCKS, len(BLOCKS)):
            try:
                stack.enter_context(_listening(first))
                for port in range(first + 1, first + 1 + count):
                    _listening(port).close()
            except OSError:
                stack.close()
                continue
            yield first + 1
            return
    raise AssertionError("no free ports")


def _listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))
