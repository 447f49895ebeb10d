"""What a terminal shows during a run."""
