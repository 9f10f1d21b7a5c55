"""The kind "certificate not trusted": the certificate of the callee is not trusted."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall
from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class CertificateNotTrusted(NetworkFailure):
    """The callee's certificate is issued by nobody whom the caller trusts."""

    name = "certificate not trusted"
    failure = "certificate not trusted"
    exception = "SSLError"
    point = "before"

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call is encrypted."""
        return call.url.startswith("https:")

    def __str__(self) -> str:
        return "presents a certificate that is not trusted"
