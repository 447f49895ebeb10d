"""Lock files of a project, which follow its own version and its upstreams' versions."""

from interlock.project.lock_files.follow import Followed, Locks

__all__ = ["Followed", "Locks"]
