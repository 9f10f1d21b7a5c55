"""The subjects of explorations: functions, requests, commands."""
