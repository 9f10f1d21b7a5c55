"""The kind "not decodable": the body is not in the encoding that the headers declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.bodies import UnalterableError
from flask_filibuster.core.kinds.of_body import succeeds
from flask_filibuster.core.kinds.remaking import content_of, header, remade
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.vocabulary import Encoding
from flask_filibuster.errors import FaultModelError

# Whatever follows, no decoder of text takes this for UTF-8, of JSON, for another encoding.
_NO_UTF8 = b"\xff"
# What nothing begins with that is compressed by gzip, zlib or deflate: a body that is a compressed
# file could be decoded else, and some texts can be taken for deflate.
_PLAIN = b"\x07"
ENCODINGS = get_args(Encoding)


@dataclass(frozen=True, slots=True)
class NotDecodable(Kind):
    """The headers declare an encoding, and the body has another one.

    ``"gzip"``, ``"deflate"``: the body is not compressed. The client raises its error for that
    where the body is read. ``"charset"``: a text claims UTF-8 and is none; clients raise nothing,
    and replace or misread what they cannot decode. JSON cannot be decoded.

    >>> str(NotDecodable())
    'answers with a body that is not gzip, as declared'
    >>> str(NotDecodable("charset"))
    'answers with a text that is not UTF-8, as declared'

    :ivar encoding: one of the three.
    :raises FaultModelError: it is another one.
    """

    name = "not decodable"
    rank = 33
    point = "received"

    encoding: str = "gzip"

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise FaultModelError(
                f"no such encoding: {self.encoding!r}; known: {', '.join(ENCODINGS)}"
            )

    @property
    def outcome(self) -> Outcome:
        """The error of the client, or the real status."""
        if self.encoding == "charset":
            return Outcome(status=200, variant="charset")
        return Outcome(exception="ContentDecodingError", variant=f"no {self.encoding}")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer is a success with a body."""
        return succeeds(call)

    def remake(self, answer: Answer) -> Answer:
        """The answer with the other header, or with a text of other bytes.

        :raises UnalterableError: it has no body, or is encoded in a way that is not known here.
        """
        content = content_of(answer)
        if not content:
            raise UnalterableError("the answer has no body")
        if self.encoding != "charset":
            return remade(answer, _PLAIN + content, content_encoding=self.encoding)
        named = header(answer, "content-type").partition(";")[0].strip() or "text/plain"
        middle = len(content) // 2
        text = content[:middle] + _NO_UTF8 + content[middle:]
        return remade(answer, text, content_type=f"{named}; charset=utf-8")

    def __str__(self) -> str:
        if self.encoding == "charset":
            return "answers with a text that is not UTF-8, as declared"
        return f"answers with a body that is not {self.encoding}, as declared"
