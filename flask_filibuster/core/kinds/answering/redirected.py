"""The kind "redirected": the callee sends the caller elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from flask_filibuster.core.kinds.answer import Answer, Asked, reason_of
from flask_filibuster.core.kinds.answering.other_answer import OtherAnswer, check_choice
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.vocabulary import Failure

_STATUSES = (301, 302, 303, 307, 308)
_TARGETS = ("login page", "itself", "dead host", "same URL")
# RFC 6761, section 6.4: no name below it exists.
_DEAD = "moved.invalid"
_LOGIN = "/login"
_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_PAGE = (
    "<!doctype html>\n<title>Sign in</title>\n<h1>Sign in</h1>\n"
    '<form method="post"><input name="user"><input name="password" type="password">'
    "<button>Sign in</button></form>\n"
)


@dataclass(frozen=True, slots=True)
class Redirected(OtherAnswer):
    """The callee answers with a redirect, which the caller's library follows as it always does.

    The hops after it belong to the fault: the login page is there with status 200, a URL that
    redirects to itself does so every time, and the dead host has no address. Only with
    ``"same URL"`` the next hop is really made: the URL redirects to itself once, as for a
    canonical host. That matters for other methods than ``GET``: after 301, 302 and 303, most
    libraries go on with ``GET``, and the request's body is lost.

    >>> str(Redirected("itself", 307))
    'redirects with 307 to itself, for ever'

    :ivar to: ``"login page"``, ``"itself"``, ``"dead host"`` or ``"same URL"``.
    :ivar status: 301, 302, 303, 307 or 308.
    :raises FaultModelError: one of these is another.
    """

    name = "redirected"

    to: str = "login page"
    status: int = 302

    def __post_init__(self) -> None:
        check_choice("to", self.to, _TARGETS)
        check_choice("status", self.status, _STATUSES)

    @property
    def outcome(self) -> Outcome:
        """The status; its variant is the target."""
        return Outcome(status=self.status, variant=f"to {self.to}")

    def reply(self, asked: Asked) -> Answer:
        """The redirect."""
        headers = (("Location", self._location(asked.url)), ("Content-Type", "text/html"))
        return Answer(self.status, reason_of(self.status), headers)

    def follow(self, asked: Asked) -> Answer | Failure | None:
        """What the hops after the redirect meet."""
        if self.to == "itself":
            return self.reply(asked)
        if self.to == "dead host":
            return "name not resolved"
        if self.to == "login page":
            return Answer(
                200, "OK", (("Content-Type", "text/html; charset=utf-8"),), _PAGE.encode()
            )
        return None

    def _location(self, url: str) -> str:
        parts = urlsplit(url)
        if self.to == "login page":
            return f"{parts.scheme}://{parts.netloc}{_LOGIN}?next={quote(parts.path or '/')}"
        if self.to == "dead host":
            return parts._replace(netloc=_DEAD).geturl()
        return url

    def __str__(self) -> str:
        where = {
            "login page": "to a login page",
            "itself": "to itself, for ever",
            "dead host": "to a host that does not exist",
            "same URL": "to the same URL, once",
        }
        return f"redirects with {self.status} {where[self.to]}"
