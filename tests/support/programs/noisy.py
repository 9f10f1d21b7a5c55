"""An app that prints and logs, on import and in a view, with its services."""

import logging
import os
import time

from flask import Flask

from tests.support import distributed_app

print("printed on import")  # noqa: T201 - whether it is shown is tested
logging.getLogger("noisy").error("logged on import")


def leaf() -> str:
    print("printed by a view")  # noqa: T201 - whether it is shown is tested
    logging.getLogger("noisy").error("logged by a view")
    with open("executions", "a") as file:
        file.write("one\n")
    time.sleep(float(os.environ.get("PAUSE", "0")))
    return "leaf"


def create_app() -> Flask:
    return filibuster_services["http://front:5000"]


filibuster_services = distributed_app.made(leaf=leaf)
app = create_app()
