"""Front, which calls back: one careful view, and one that is careless."""

import os

import requests
from flask import Flask

from flask_filibuster import Filibuster

BACK = f"http://127.0.0.1:{os.environ['BACK_PORT']}"


def made(name: str) -> Flask:
    with open("pids", "a") as file:
        print(os.getpid(), file=file)
    app = Flask(name)
    if "SERVER_TIMEOUT" in os.environ:
        app.config["FILIBUSTER_TIMEOUT"] = float(os.environ["SERVER_TIMEOUT"])
    Filibuster(app, service_name=name)
    return app


def create_front() -> Flask:
    front = made("front")

    @front.get("/careful")
    def careful() -> str:
        try:
            answer = requests.get(f"{BACK}/data", timeout=5)
            answer.raise_for_status()
        except requests.RequestException:
            return "default"
        return answer.text

    @front.get("/careless")
    def careless() -> str | tuple[str, int]:
        try:
            answer = requests.get(f"{BACK}/data", timeout=5)
        except requests.ConnectionError:
            return "default"
        return answer.text, answer.status_code

    @front.get("/greenlets")
    def greenlets() -> str:
        """Parallel calls, of which all but the last may fail."""
        import gevent

        jobs = [gevent.spawn(careful) for _ in range(2)]
        gevent.joinall(jobs)
        last = gevent.spawn(requests.get, f"{BACK}/data", timeout=5).get()
        last.raise_for_status()
        return "".join(job.value for job in jobs)

    return front


def create_back() -> Flask:
    back = made("back")

    @back.get("/data")
    def data() -> str:
        return "data"

    return back
