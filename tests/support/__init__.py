"""What tests share: makers of values, worlds on this machine, servers."""
