"""Git: repositories on servers and on this disk; the real git, the same on every machine."""

from interlock.git.checkout import Checkout
from interlock.git.errors import ProtectedBranchError, PushRaceError, RemoteUnreachableError
from interlock.git.files import files_at
from interlock.git.holder import Holder
from interlock.git.identity import find_identity
from interlock.git.lease import Lease, held
from interlock.git.repository import Repository
from interlock.git.values import Commit, Identity, Remote, Tag, checked_ref, checked_sha

__all__ = [
    "Checkout",
    "Commit",
    "Holder",
    "Identity",
    "Lease",
    "ProtectedBranchError",
    "PushRaceError",
    "Remote",
    "RemoteUnreachableError",
    "Repository",
    "Tag",
    "checked_ref",
    "checked_sha",
    "files_at",
    "find_identity",
    "held",
]
