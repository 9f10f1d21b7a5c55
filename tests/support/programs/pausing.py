"""A command that pauses in its third run, for a signal to come."""

import os
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

with open("pids", "a") as file:
    print(os.getpid(), file=file)
number, when = os.environ["FILIBUSTER_EXECUTION"], sys.argv[1]
front = HTTPConnection("127.0.0.1", int(os.environ["FRONT_PORT"]), timeout=30)
if number == "3" and when == "between":
    Path("linger").touch()
    front.request("GET", "/lingering")
    while not Path("lingers").exists():
        time.sleep(0.01)
    Path("paused").touch()
    sys.exit(0)
if number == "3":
    Path("paused").touch()
    time.sleep(60)
front.request("GET", "/lingering")
assert front.getresponse().status == 200
