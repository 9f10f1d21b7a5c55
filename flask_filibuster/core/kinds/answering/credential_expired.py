"""The kind "credential expired": the callee no longer accepts the caller's credential."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType

from flask_filibuster.core.kinds.answer import Answer, Asked, reason_of
from flask_filibuster.core.kinds.answering.other_answer import OtherAnswer, check_choice
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.urls import host_of

# RFC 6750, section 3.1.
_ERRORS = MappingProxyType(
    {
        401: ("invalid_token", "The access token expired"),
        403: ("insufficient_scope", "The access token does not grant this request any more"),
    }
)


@dataclass(frozen=True, slots=True)
class CredentialExpired(OtherAnswer):
    """The credential of the caller has expired, or lost its rights.

    >>> str(CredentialExpired())
    'answers 401 Unauthorized, as the credential has expired'

    :ivar status: 401 or 403.
    :raises FaultModelError: it is neither.
    """

    name = "credential expired"

    status: int = 401

    def __post_init__(self) -> None:
        check_choice("status", self.status, tuple(_ERRORS))

    @property
    def outcome(self) -> Outcome:
        """The status; its variant is the reason."""
        return Outcome(status=self.status, variant="expired")

    def reply(self, asked: Asked) -> Answer:
        """The answer, with the challenge to the caller to get another credential."""
        error, description = _ERRORS[self.status]
        challenge = (
            f'Bearer realm="{host_of(asked.url)}", error="{error}", '
            f'error_description="{description}"'
        )
        headers = (("WWW-Authenticate", challenge), ("Content-Type", "application/json"))
        body = {"error": error, "error_description": description}
        return Answer(self.status, reason_of(self.status), headers, json.dumps(body).encode())

    def __str__(self) -> str:
        return f"answers {self.status} {reason_of(self.status)}, as the credential has expired"
