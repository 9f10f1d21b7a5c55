"""The search for the fault sets worth running. Knows the nouns of core only."""
