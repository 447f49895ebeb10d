"""One flow a file, named by what it does."""
