"""What is on no index yet: a ref of a package, found, built once, and offered to whoever asks the index."""

from interlock.candidates.values import Candidate

__all__ = ["Candidate"]
