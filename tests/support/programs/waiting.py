"""A service that dies at once, or never listens."""

import os
import sys
import time

with open("pids", "a") as file:
    print(os.getpid(), file=file)
if sys.argv[1] == "dies":
    sys.exit("no database")
time.sleep(60)
