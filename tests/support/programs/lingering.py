"""Front, with a view that waits until it may answer; a file has the number of its process."""

import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask


def create_app() -> Flask:
    app: Flask = import_module("services").create_front()
    Path("front").write_text(str(os.getpid()))

    @app.get("/lingering")
    def lingering() -> Any:
        answer = app.view_functions["careful"]()
        while Path("linger").exists():
            Path("lingers").touch()
            time.sleep(0.01)
        return answer

    return app
