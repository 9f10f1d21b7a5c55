"""A command that asks about the faults of its execution."""

import json
import os
import urllib.request

from flask_filibuster import was_fault_injected, was_fault_injected_on

front = f"http://127.0.0.1:{os.environ['FRONT_PORT']}/careful"
answer = urllib.request.urlopen(front, timeout=30).read().decode()
asked = [was_fault_injected(), was_fault_injected_on("back"), was_fault_injected_on("front")]
with open("asked", "a") as file:
    print(json.dumps([os.environ["FILIBUSTER_EXECUTION"], answer, asked]), file=file)
assert answer == ("default" if was_fault_injected_on("back") else "data")
