"""A command that gets into trouble, of one kind or another, in some of its executions."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time


def note() -> None:
    with open("pids", "a") as file:
        print(os.getpid(), file=file)


note()
trouble = sys.argv[1]
headers = json.loads(os.environ["FILIBUSTER_HEADERS"])
front = http.client.HTTPConnection("127.0.0.1", int(os.environ["FRONT_PORT"]), timeout=30)
if sys.argv[2] != "before it asks":
    front.request("GET", "/careful", headers=headers)
    assert front.getresponse().status == 200
if os.environ["FILIBUSTER_EXECUTION"] in sys.argv[3:]:
    print("in trouble", flush=True)  # noqa: T201 - its output is shown
    if trouble == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if trouble == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if trouble == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
if trouble == "has children":
    child = "import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", child])
    with open("pids", "a") as file:
        print(process.pid, file=file)
if sys.argv[2] == "before it asks":
    front.request("GET", "/careful", headers=headers)
    assert front.getresponse().status == 200
