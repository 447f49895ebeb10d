"""Git, by its command: repositories on servers and on this disk, and the lease of a release."""

from interlock.adapters.git.author import find_author
from interlock.adapters.git.checkout import Checkout
from interlock.adapters.git.errors import ProtectedBranchError, PushRaceError, RemoteUnreachableError
from interlock.adapters.git.files import files_at
from interlock.adapters.git.lease import Lease, held
from interlock.adapters.git.lease_holder import LeaseHolder
from interlock.adapters.git.models import Author, Commit, Remote, Tag, checked_ref, checked_sha
from interlock.adapters.git.repository import Repository

__all__ = [
    "Author",
    "Checkout",
    "Commit",
    "Lease",
    "LeaseHolder",
    "ProtectedBranchError",
    "PushRaceError",
    "Remote",
    "RemoteUnreachableError",
    "Repository",
    "Tag",
    "checked_ref",
    "checked_sha",
    "files_at",
    "find_author",
    "held",
]
