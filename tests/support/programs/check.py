"""Requests a page of front; the test of many explorations of commands.

It imports little: it is run often, each time by a new process.
"""

import json
import os
import socket
import sys

headers = json.loads(os.environ.get("FILIBUSTER_HEADERS", "{}"))
lines = [f"GET {sys.argv[1]} HTTP/1.1", "Host: front", "Connection: close"]
lines += [f"{name}: {value}" for name, value in headers.items()]
front = socket.create_connection(("127.0.0.1", int(os.environ["FRONT_PORT"])), timeout=30)
front.sendall("\r\n".join([*lines, "", ""]).encode())
answer = b"".join(iter(lambda: front.recv(65536), b"")).decode()
status = int(answer.split()[1])
sys.stdout.write(answer.partition("\r\n\r\n")[2] + "\n")
sys.exit(0 if status == 200 else f"answered {status}")
