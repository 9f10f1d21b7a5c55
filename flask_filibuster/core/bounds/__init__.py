"""Where an execution must end: bounds far beyond what a test makes a service do."""
