"""The propagation state goes with a task, not with the thread that runs it.

One file for each way to hand code to another thread, task or greenlet.
"""
