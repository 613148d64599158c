"""The verifier: a design is believed only when the inputs give the same numbers."""
