"""Values as they are typed on a command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flask_filibuster.options.kinds import URL
from flask_filibuster.options.typed import adds, reader, switches_off


class RefusedError(Exception):
    pass


@pytest.mark.parametrize(
    ("read", "text"),
    [
        pytest.param(reader(URL, RefusedError), "http://shop:5000", id="value"),
        pytest.param(adds(RefusedError), "shop:oracle", id="added"),
        pytest.param(switches_off(RefusedError), "no timeout", id="off"),
    ],
)
def test_fitting_text_is_read(read: Callable[[str], str], text: str) -> None:
    assert read(text) == text


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        pytest.param(
            reader(URL, RefusedError),
            "shop",
            "'shop' is not a URL that begins with http:// or https://",
            id="value",
        ),
        pytest.param(adds(RefusedError), "shop", "'shop' is not 'module:name'", id="added"),
        pytest.param(
            switches_off(RefusedError), "a:b", "'a:b' is not the name of an oracle", id="off"
        ),
    ],
)
def test_other_text_is_refused(read: Callable[[str], str], text: str, message: str) -> None:
    with pytest.raises(RefusedError, match="^" + message + "$"):
        read(text)
