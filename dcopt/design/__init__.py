"""The result: its records and their JSON."""
