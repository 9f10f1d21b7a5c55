"""A marked test of front that kills the server that explores it, in its second execution."""

import os
import signal
from collections.abc import Iterator

import pytest
import requests

FRONT = f"http://127.0.0.1:{os.environ['FRONT_PORT']}"
executions: list[str] = []


def kill(when: str) -> None:
    if len(executions) == 2 and os.environ.get("KILL") == when:
        os.kill(int(os.environ["SERVER_PROCESS"]), signal.SIGKILL)


@pytest.fixture
def ending() -> Iterator[None]:
    executions.append("one more")
    yield
    kill("after the body")


@pytest.mark.filibuster(check_determinism=False)
def test_page(ending: None) -> None:
    kill("in the middle")
    answer = requests.get(f"{FRONT}/careful", timeout=30)
    assert (answer.status_code, answer.text) in [(200, "data"), (200, "default")]
    with open(os.environ["NOTES"], "a") as file:
        print("answered", file=file)
    kill("after the answer")
