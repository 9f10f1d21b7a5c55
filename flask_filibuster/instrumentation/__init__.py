"""What sits inside a service: propagation, interception of calls, injection."""
