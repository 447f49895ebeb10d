"""The rehearsal: a world on this machine in which the same flows run as in the real one."""
