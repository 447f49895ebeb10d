"""One cell: what to run, in which environment, and what it showed."""
