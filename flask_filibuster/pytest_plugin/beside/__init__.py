"""What other pytest plugins do with a test, for each of its executions."""
