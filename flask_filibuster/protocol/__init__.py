"""The wire protocol and all JSON: nouns to text, and back."""
