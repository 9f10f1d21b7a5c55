"""What the in-process network puts into the WSGI environment of a request that it delivers.

A key of the environment that is no header cannot come from outside: it vouches for the headers.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.instrumentation.frames import TestFrame

PEER_KEY = "flask_filibuster.peer"


@dataclass(frozen=True, slots=True)
class Peer:
    """The sender's side of a request delivered in this process.

    :ivar test: the test under exploration.
    :ivar service: what to call the service that receives it, unless it has a name of its own.
    """

    test: TestFrame
    service: str
