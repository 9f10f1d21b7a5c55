"""Virtual time: what the code of an execution sleeps and waits for costs nothing.

In a frame, a sleep or a wait that only time can end moves the execution's clock, and the clocks
that the code reads agree with it. Outside frames, time is real.
"""
