"""The error of Python for a certificate that is not trusted, below those of all libraries."""

from __future__ import annotations

import ssl

_REASON = "CERTIFICATE_VERIFY_FAILED"
_NO_ISSUER = 20
_WORDS = "unable to get local issuer certificate"


def not_trusted() -> ssl.SSLCertVerificationError:
    """The error that a handshake raises for a certificate of an unknown issuer.

    >>> not_trusted().verify_message
    'unable to get local issuer certificate'
    """
    text = f"[SSL: {_REASON}] certificate verify failed: {_WORDS} (_ssl.c:1000)"
    error = ssl.SSLCertVerificationError(1, text)
    error.library, error.reason = "SSL", _REASON
    error.verify_code, error.verify_message = _NO_ISSUER, _WORDS
    return error
