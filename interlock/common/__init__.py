"""What knows no word of the domain: processes, files, retries, models."""
