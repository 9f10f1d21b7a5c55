"""Requests a page of front, slowly, and notes when it began and ended."""

import json
import os
import socket
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
lines = [f"GET {sys.argv[1]} HTTP/1.1", "Host: front", "Connection: close"]
lines += [f"{name}: {value}" for name, value in headers.items()]
front = socket.create_connection(("127.0.0.1", int(os.environ["FRONT_PORT"])), timeout=30)
front.sendall("\r\n".join([*lines, "", ""]).encode())
answer = b"".join(iter(lambda: front.recv(65536), b"")).decode()
status = int(answer.split()[1])
time.sleep(0.2)
note("ended")
sys.exit(0 if status == 200 else f"answered {status}")
