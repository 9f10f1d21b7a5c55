"""Requests a page of front, slowly, and notes when it began and ended."""

import http.client
import json
import os
import sys
import time

number = os.environ["FILIBUSTER_EXECUTION"]


def note(what: str) -> None:
    with open("times", "a") as file:
        print(what, number, time.monotonic(), os.getpid(), file=file)


note("began")
if "hang" in sys.argv and number != "1" and number != "2":
    time.sleep(60)
headers = json.loads(os.environ["FILIBUSTER_HEADERS"])
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["FRONT_PORT"]), 30)
connection.request("GET", sys.argv[1], headers=headers)
answer = connection.getresponse()
time.sleep(0.3)
note("ended")
sys.exit(0 if answer.status == 200 else f"answered {answer.status}")
