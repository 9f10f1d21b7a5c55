"""What leaves the process while something is explored, and is no call of a client."""
