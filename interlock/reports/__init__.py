"""What a person or a program reads: terminal, HTML and JSON from the same values."""
