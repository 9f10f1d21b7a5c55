"""Serves what is named, front or back, each by a process of its own; Flask is imported once."""

import os
import signal
import socket
import sys
from importlib import import_module

from werkzeug.serving import make_server

services = import_module("services")
# All listen before any answers: nobody finds the one there and the other not.
listening = {
    name: socket.create_server(("127.0.0.1", int(os.environ[f"{name.upper()}_PORT"])))
    for name in sys.argv[1:]
}
children = []
for name, own in listening.items():
    children.append(os.fork())
    if children[-1] == 0:
        app = getattr(services, f"create_{name}")()
        _, port = own.getsockname()
        make_server("127.0.0.1", port, app, threaded=True, fd=own.fileno()).serve_forever()
for own in listening.values():
    own.close()
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    children.remove(os.wait()[0])
finally:
    # Who waits for the end of all of them is not to wait for the system to look at them.
    for child in children:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
