"""The entry that the in-process network adds to the WSGI environment of a request.

A client outside the process can't set a key that is not a header, so the headers can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.instrumentation.frames import TestFrame

PEER_KEY = "flask_filibuster.peer"


@dataclass(frozen=True, slots=True)
class Peer:
    """The sender's side of a request delivered in this process.

    :ivar test: the test under exploration.
    :ivar service: name of the receiving service, unless it has a configured name.
    :ivar prefix: the part of the path that leads to the service.
    """

    test: TestFrame
    service: str
    prefix: str
