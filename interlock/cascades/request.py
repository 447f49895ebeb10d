"""The request for a cascade: its root, and how to find the root's version."""

from typing import Self

from pydantic import Field, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError
from interlock.model.cascade import HoldPolicy
from interlock.model.release import RequestId
from interlock.model.requirements import MemberName
from interlock.releases.plan import ReleaseRequest, Timeouts


class CascadeRequest(FrozenModel):
    """A root, and how to find its next version."""

    root: MemberName = Field(description="The package that the cascade starts with.")
    bump: str | None = Field(
        default=None,
        description="How its version moves: patch, minor, major, or minor,rc; calver:YYYY.0M.0D; commits; contract. "
        "Default: as the family file says, else patch.",
    )
    version: str | None = Field(default=None, description="This version of it instead of a bump.")
    ref: str | None = Field(
        default=None,
        description="Another branch to release it from: then its own tags alone count as earlier ones. "
        "Default: the family file's.",
    )
    follow: bool = Field(
        default=False,
        description="Somebody else releases the root as this version: it is waited for, and the others follow. "
        "A dry run needs no version: it shows who would follow the newest release.",
    )
    family: str | None = Field(default=None, description="The family file. Default: the one in use on this machine.")
    patience: Timeouts = Field(default=Timeouts(), description="How long others are waited for.")
    despite: str | None = Field(
        default=None,
        min_length=1,
        max_length=300,
        description="Why the root is released though its contracts say no, or nothing; kept with its release.",
    )
    request_id: RequestId | None = Field(
        default=None,
        description="What asks for it, as a CI run or a delivery: asked again under the same id, it is the same "
        "cascade. Default: the flow run.",
    )
    empty: bool = Field(default=False, description="Release the root though nothing is new since its last release.")
    policy: HoldPolicy | None = Field(
        default=None,
        description="Which members hold the root when they can't follow: all, independent, or their names. "
        "Default: as the family file says.",
    )
    dry_run: bool = Field(default=False, description="Only plan and prove, and write nothing anywhere.")

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        self.release()
        if self.follow and self.version is None and not self.dry_run:
            raise UsageError(
                f"nobody said which version of {self.root} is to be followed",
                hint=f"for example: interlock follow {self.root} 1.2.11",
            )
        return self

    def release(self, **others: object) -> ReleaseRequest:
        """The request for the root's release."""
        names = ("bump", "version", "ref", "family", "patience", "despite", "request_id", "empty")
        fields = {name: getattr(self, name) for name in names}
        return ReleaseRequest.model_validate({"package": self.root, **fields, **others})

    def release_of(self, package: str, **others: object) -> ReleaseRequest:
        """The request for the release of a downstream: its next version, as the family file says."""
        fields = {"package": package, "family": self.family, "patience": self.patience}
        return ReleaseRequest.model_validate({**fields, **others})

    @property
    def title(self) -> str:
        """The root and its bump or version: `market-data-core patch`."""
        return f"{self.root} {self.version or self.bump or 'next version'}"
