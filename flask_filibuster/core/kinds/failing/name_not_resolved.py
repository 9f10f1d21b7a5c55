"""The kind "name not resolved": the callee's name is unknown."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall
from flask_filibuster.core.kinds.failing.failure import NetworkFailure
from flask_filibuster.core.urls import host_of


@dataclass(frozen=True, slots=True)
class NameNotResolved(NetworkFailure):
    """No name server knows the callee's host."""

    name = "name not resolved"
    failure = "name not resolved"
    exception = "ConnectionError"
    point = "before"

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the host is a name rather than an address."""
        return not _is_address(host_of(call.url))

    def __str__(self) -> str:
        return "cannot be found by its name"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
