"""Many cells: which there are, which of them are the same, and what their verdicts say together."""
