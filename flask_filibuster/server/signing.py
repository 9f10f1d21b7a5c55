"""Signatures with the shared secret."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from itsdangerous import Signer


class Seal:
    """Signs and verifies requests and calls with ``FILIBUSTER_TOKEN`` (HMAC-SHA256, itsdangerous).

    :param token: the secret.
    """

    def __init__(self, token: str) -> None:
        self._signer = Signer(token, salt="flask-filibuster", digest_method=hashlib.sha256)

    def sign(self, *parts: str | bytes) -> str:
        """The signature of these parts, in this order."""
        return self._signer.get_signature(_joined(parts)).decode("ascii")

    def fits(self, signature: str, *parts: str | bytes) -> bool:
        """Whether a signature matches these parts."""
        return len(signature) <= 200 and self._signer.verify_signature(
            _joined(parts), signature.encode("ascii", "replace")
        )


def _joined(parts: tuple[str | bytes, ...]) -> bytes:
    encoded = [
        part.encode("utf-8", "backslashreplace") if isinstance(part, str) else part
        for part in parts
    ]
    # With their lengths, so that the boundaries between parts are unambiguous.
    return b"".join(b"%d:%s," % (len(part), part) for part in encoded)


@lru_cache(maxsize=16)
def seal_of(token: str | None) -> Seal | None:
    """The seal for a token; ``None`` without a token."""
    return None if token is None else Seal(token)
