"""The kind "gateway page": a gateway before the callee answers with its own HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate

from flask_filibuster.core.kinds.answer import Answer, Asked, reason_of
from flask_filibuster.core.kinds.answering.other_answer import OtherAnswer, check_choice
from flask_filibuster.core.outcome import Outcome

_STATUSES = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class GatewayPage(OtherAnswer):
    """A gateway, proxy or load balancer answers for a callee that it does not reach.

    Its page is HTML, whatever the callee's own answers are.

    >>> str(GatewayPage(504))
    'answers 504 Gateway Timeout with the HTML page of a gateway'

    :ivar status: 502, 503 or 504.
    :raises FaultModelError: it is none of these.
    """

    name = "gateway page"

    status: int = 502

    def __post_init__(self) -> None:
        check_choice("status", self.status, _STATUSES)

    @property
    def outcome(self) -> Outcome:
        """The status; its variant is the page."""
        return Outcome(status=self.status, variant="page")

    def reply(self, asked: Asked) -> Answer:
        """The page."""
        reason = reason_of(self.status)
        title = f"{self.status} {reason}"
        page = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n"
            f"<body>\r\n<h1>{title}</h1>\r\n<hr>gateway\r\n</body>\r\n</html>\r\n"
        )
        headers = (
            ("Server", "gateway"),
            ("Date", formatdate(asked.now, usegmt=True)),
            ("Content-Type", "text/html"),
            ("Connection", "keep-alive"),
        )
        return Answer(self.status, reason, headers, page.encode())

    def __str__(self) -> str:
        return f"answers {self.status} {reason_of(self.status)} with the HTML page of a gateway"
