"""Requests a page of front without the headers that a test should send."""

import os
import sys
import urllib.request

urllib.request.urlopen(f"http://127.0.0.1:{os.environ['FRONT_PORT']}{sys.argv[1]}")
