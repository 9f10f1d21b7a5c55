"""Starts all services of all shapes as processes, and ends with the first that ends."""

import json
import os
import sys

from werkzeug.serving import make_server

from tests.support.served_shapes import named

for shape, first in json.loads(sys.argv[1]).items():
    os.environ["SHAPES_FIRST_PORT"] = str(first)
    for url, app in named(shape).items():
        if os.fork() == 0:
            port = int(url.rpartition(":")[2])
            make_server("127.0.0.1", port, app, threaded=True).serve_forever()
print("started", flush=True)  # noqa: T201 - the test waits for it
_, status = os.wait()
sys.exit(f"a service has ended: {status}")
