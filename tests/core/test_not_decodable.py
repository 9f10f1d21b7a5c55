"""The kind "not decodable": no body happens to be decodable all the same."""

from __future__ import annotations

import gzip
import zlib

import pytest

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.bodies import UnalterableError
from flask_filibuster.core.kinds.received.not_decodable import NotDecodable

BODIES = [b"x", b"K\x04\x00", b"{}", gzip.compress(b"x", mtime=0), zlib.compress(b"x"), bytes(256)]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("window", [zlib.MAX_WBITS, -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS])
def test_no_decoder_takes_it(body: bytes, window: int) -> None:
    altered = NotDecodable().remake(Answer(200, "OK", (), body))
    with pytest.raises(zlib.error):
        zlib.decompressobj(window).decompress(altered.body)


def test_there_must_be_a_body() -> None:
    with pytest.raises(UnalterableError, match="the answer has no body"):
        NotDecodable().remake(Answer(200, "OK"))
