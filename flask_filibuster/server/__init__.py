"""Who decides on faults: the protocol between services and search, and who speaks it."""
