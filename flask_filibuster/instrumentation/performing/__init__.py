"""The parts of performing a call, the same for all clients."""
