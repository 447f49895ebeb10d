"""The rehearsal: a world on this machine, in which the flows run as in the real one."""
