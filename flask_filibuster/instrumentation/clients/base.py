"""The seam of clients: the interface to a library that makes calls.

A client is one file (or folder): a :class:`Client`, which names the library and patches it, and an
:class:`OutgoingCall`, which describes one call, makes the real call, answers it, and fails it with
the library's own errors. :func:`perform`, written once, does everything else (execution index,
report, fault, hold, lost answer, digest, signals, excluded hosts, token).

Patch as deep in the library as possible, and raise the errors of its lower layers: the library then
converts, retries and pools by itself. A client for a library ``pigeon``, whose ``Loft.send(coop,
note)`` returns a text, or raises ``pigeon.LostError``:

>>> from flask_filibuster.instrumentation.clients.base import (
...     Client, OutgoingCall, Patch, perform, takes_no_part
... )
>>> class Loft:  # As in the library.
...     def send(self, coop: str, note: str) -> str:
...         return f"{coop} has {note!r}"
>>> class PigeonCall(OutgoingCall[str]):
...     def __init__(self, client, send, coop):
...         super().__init__(client, "SEND", target=coop)
...         self._send = send
...     def send(self, headers):
...         return self._send()
...     def fail(self, kind, *, sent):
...         if kind != "ConnectionError":
...             raise self.unknown(kind)
...         raise LookupError(f"no pigeon came back from {self.target}")
>>> class Pigeon(Client):
...     name = "pigeon"
...     family = "other"
...     def hold(self):
...         def wrap(original, patch):
...             def send(loft, coop, note):
...                 if takes_no_part() or not patch.active:
...                     return original(loft, coop, note)
...                 return perform(PigeonCall(self, lambda: original(loft, coop, note), coop))
...             return send
...         return [Patch.hold(Loft, "send", wrap)]
>>> patches = Pigeon().hold()
>>> Loft().send("attic", "hello")
"attic has 'hello'"
>>> for patch in patches:
...     patch.release()

Declare it in the distribution's metadata, under the import name of the library: the client is
loaded only when an explored application has imported the library. ::

    [options.entry_points]
    flask_filibuster.clients =
        pigeon = my_package.pigeon_client:Pigeon
"""

from __future__ import annotations

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.bodies import Alteration, BrokenBody
from flask_filibuster.core.outcome import Outcome, answered, digest_of
from flask_filibuster.core.vocabulary import Failure
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.around import LocalService
from flask_filibuster.instrumentation.call import (
    frame_of,
    perform,
    perform_async,
    perform_for,
    perform_mocked,
    takes_no_part,
)
from flask_filibuster.instrumentation.frames import (
    current_scope,
    here,
)
from flask_filibuster.instrumentation.http import (
    AlteredBody,
    Body,
    BytesBody,
    Header,
    HttpRequest,
    pieces_of,
)
from flask_filibuster.instrumentation.outgoing import (
    AnyCall,
    AsyncOutgoingCall,
    Client,
    OutgoingCall,
    Reply,
    Role,
)
from flask_filibuster.instrumentation.patching import Patch, calls_super
from flask_filibuster.instrumentation.performing.covering import is_covered
from flask_filibuster.instrumentation.propagation import PLACE, UNSEEN, names_place

__all__ = [
    "PLACE",
    "UNSEEN",
    "Alteration",
    "AlteredBody",
    "Answer",
    "AnyCall",
    "AsyncOutgoingCall",
    "Body",
    "BrokenBody",
    "BytesBody",
    "Client",
    "Failure",
    "Header",
    "HttpRequest",
    "InjectionError",
    "LocalService",
    "Outcome",
    "OutgoingCall",
    "Patch",
    "Reply",
    "Role",
    "answered",
    "calls_super",
    "current_scope",
    "digest_of",
    "frame_of",
    "here",
    "is_covered",
    "names_place",
    "perform",
    "perform_async",
    "perform_for",
    "perform_mocked",
    "pieces_of",
    "takes_no_part",
]
