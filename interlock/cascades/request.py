"""What is asked for: the root of a cascade, and how its version is found."""

from typing import Self

from pydantic import model_validator

from interlock.errors import UsageError
from interlock.releases.plan import Patience, ReleaseRequest
from interlock.values import Value


class CascadeRequest(Value):
    """A root, and how its next version is found.

    Attributes:
        bump: As `patch`, or `minor,rc`.
        version: An explicit version instead.
        follow: Whether somebody else releases the root as this version: it is waited for, and the others follow.
        family: The family file.
    """

    root: str
    bump: str = "patch"
    version: str | None = None
    follow: bool = False
    family: str | None = None
    patience: Patience = Patience()

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        self.release().wanted()
        if self.follow and self.version is None:
            raise UsageError(
                f"nobody said which version of {self.root} is to be followed",
                hint=f"for example: interlock follow {self.root} 1.2.11",
            )
        return self

    def release(self, **others: object) -> ReleaseRequest:
        """The release of the root that is meant."""
        fields = {"package": self.root, "bump": self.bump, "version": self.version}
        return ReleaseRequest.model_validate(
            {**fields, "family": self.family, "patience": self.patience, **others},
        )

    def release_of(self, package: str, **others: object) -> ReleaseRequest:
        """The release of a package that follows: its next patch."""
        fields = {"package": package, "family": self.family, "patience": self.patience}
        return ReleaseRequest.model_validate({**fields, **others})

    @property
    def title(self) -> str:
        """`market-data-core patch`."""
        return f"{self.root} {self.version or self.bump}"
