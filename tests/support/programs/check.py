"""Requests a page of front; the test of many explorations of commands."""

import http.client
import json
import os
import sys

headers = json.loads(os.environ.get("FILIBUSTER_HEADERS", "{}"))
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["FRONT_PORT"]), 30)
connection.request("GET", sys.argv[1], headers=headers)
answer = connection.getresponse()
sys.stdout.write(f"{answer.read().decode()}\n")
sys.exit(0 if answer.status == 200 else f"answered {answer.status}")
