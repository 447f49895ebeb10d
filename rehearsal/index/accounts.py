"""The accounts that may upload: users with tokens and passwords, of which only hashes are stored."""

import hashlib
import hmac
import time
from datetime import datetime
from pathlib import Path

from packaging.utils import canonicalize_name
from pydantic import SecretStr, TypeAdapter

from interlock.common.atomic_files import write_whole
from interlock.common.frozen_model import FrozenModel

# PyPI's user name for tokens.
TOKEN_USER = "__token__"  # noqa: S105  a name, not a token


class Credential(FrozenModel):
    """A token or a password.

    Attributes:
        login: The name that it is sent with: `__token__`, or the user's own for a password.
        hashed: SHA-256 of the secret, which is random or a rehearsal's.
        project: The only project that it may upload to; None for all of the user's.
        expires: When it expires.
    """

    login: str
    hashed: str
    user: str
    project: str | None = None
    expires: datetime | None = None

    def is_expired(self) -> bool:
        """Whether it has expired."""
        return self.expires is not None and self.expires.timestamp() <= time.time()

    def may_upload_to(self, project: str) -> bool:
        """Whether its scope allows it; whether the user owns it is another question."""
        return self.project in {None, project}


_FILE = TypeAdapter(tuple[Credential, ...])


class Accounts:
    """The credentials of an index, in one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = _FILE.validate_json(file.read_bytes()) if file.exists() else ()

    def add(
        self,
        user: str,
        secret: SecretStr,
        *,
        login: str = TOKEN_USER,
        project: str | None = None,
        expires: datetime | None = None,
    ) -> None:
        """Let a user upload with a secret; for a known secret, this replaces its scope."""
        scope = canonicalize_name(project) if project else None
        added = Credential(login=login, hashed=_hashed(secret), user=user, project=scope, expires=expires)
        self._known = (*(one for one in self._known if one.hashed != added.hashed or one.login != login), added)
        write_whole(self._file, _FILE.dump_json(self._known, indent=2))

    def find(self, login: str, secret: SecretStr) -> Credential | None:
        """The credential of a login and secret, also an expired one: the caller gets to know that."""
        hashed = _hashed(secret)
        matching = (one for one in self._known if one.login == login and hmac.compare_digest(one.hashed, hashed))
        return next(matching, None)


def _hashed(secret: SecretStr) -> str:
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()
