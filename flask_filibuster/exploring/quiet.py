"""Keep the output and the log of applications off the terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout


@contextmanager
def quiet(*, unless: bool) -> Iterator[None]:
    """Keep the output of apps, and their log lines for every injected fault, off the terminal.

    :param unless: show both, on stderr.
    """
    before = logging.root.manager.disable
    with ExitStack() as stack:
        if unless:
            stack.enter_context(redirect_stdout(sys.stderr))
        else:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
            logging.disable(max(before, logging.ERROR))
            stack.callback(logging.disable, before)
        yield
