"""A marked test that may wait until the one beside it has started, too."""

import os
import time
from pathlib import Path

import pytest
import requests

from flask_filibuster import FaultModel, was_fault_injected

MODEL = FaultModel(exceptions=("ConnectionError",), default_statuses=())


def user() -> requests.Response:
    here = Path.cwd()
    (here / "started").touch()
    while "BESIDE" in os.environ and not (here / os.environ["BESIDE"] / "started").exists():
        time.sleep(0.01)
    return requests.get(os.environ["USERS"] + "/users/chris", timeout=60)


@pytest.mark.filibuster(faults=MODEL)
def test_user() -> None:
    assert user().status_code == 200 or was_fault_injected()
