"""The request for a verification: a ref of an upstream, a baseline, and the downstreams."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from interlock.common.command_line import command
from interlock.common.frozen_model import FrozenModel
from interlock.matrix.request import DEFAULT_JOBS, MOST_JOBS
from interlock.model.requirements import MemberName

_WHOLE_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHOWN_DIGITS = 12
OPTIONS = {
    "upstream": "--of",
    "pull": "--pr",
    "downstream": "--downstream",
    "downstream_versions": "--downstream-versions",
    "baseline": "--against",
    "python": "--python",
    "jobs": "--jobs",
    "fresh": "--fresh",
    "released_only": "--released-only",
    "tell": "--no-tell",
    "family": "--family",
}


class ContractsRequest(FrozenModel):
    """The parameters of `verify_contracts`, as the command line, the gateway and the form in Prefect's UI give them."""

    upstream: MemberName = Field(description="The package whose contract is verified.")
    ref: str = Field(description="A branch, tag, SHA, pull request (#12), released version, or path on this machine.")
    downstream: tuple[MemberName, ...] = Field(default=(), description="Only these downstreams. Default: all.")
    downstream_versions: str | None = Field(
        default=None,
        description='A specifier, a list, "all", or "latest:N": which releases of each downstream. Default: those that '
        "the family file calls supported, else the newest.",
    )
    pull: int | None = Field(default=None, ge=1, description="The pull request on which it is told.")
    authors: tuple[str, ...] = Field(
        default=(),
        description="Who wrote the pull request's code, where they may be strangers: it is run only if all of them may "
        "write to the repository.",
    )
    group: bool = Field(
        default=False, description="Whether it is a merge group: what a merge queue merges if its checks are green."
    )
    baseline: str | None = Field(
        default=None, description="What it is compared with. Default: the merge base, or the last release."
    )
    python: tuple[str, ...] = Field(default=(), description="Python versions. Default: those of the family file.")
    jobs: int = Field(default=DEFAULT_JOBS, ge=1, le=MOST_JOBS, description="How many cells run side by side.")
    fresh: bool = Field(default=False, description="Run every cell again, whatever the ledger knows.")
    released_only: bool = Field(
        default=False, description="Test the newest releases of the downstreams, and not their default branches."
    )
    tell: bool = Field(default=True, description="Tell GitHub: statuses, check run, comment.")
    family: str | None = Field(default=None, description="The family file. Default: the one in use on this machine.")

    @model_validator(mode="after")
    def _has_a_fixed_commit(self) -> Self:
        if self.authors and (self.pull is None or self.sha is None):
            raise ValueError("authors need a pull request and the whole SHA of what they wrote")
        if self.group and self.sha is None:
            raise ValueError("a merge group is named by its whole SHA")
        return self

    @property
    def sha(self) -> str | None:
        """The ref, where it is a whole SHA."""
        return self.ref if _WHOLE_SHA.fullmatch(self.ref) else None

    @property
    def command(self) -> str:
        """The command that makes the same request by hand."""
        shown = self.model_copy(update={"family": self._shown_family})
        return command(("interlock", "contracts", self.ref), shown, OPTIONS)

    def of_cell(self, ref: str, baseline: str | None, downstream: str, python: str) -> Self:
        """The request for the cells of one downstream on the reader's machine, which publishes nothing."""
        one = {"ref": ref, "baseline": baseline, "downstream": (downstream,), "python": (python,)}
        here = {"pull": None, "group": False, "authors": (), "tell": False, "family": self._shown_family}
        return self.model_copy(update={**one, **here})

    @property
    def _shown_family(self) -> str | None:
        # What GitHub gets is read on other machines, where this one's folders mean nothing.
        return Path(self.family).name if self.family and self.tell else self.family

    @property
    def family_path(self) -> Path | None:
        """The family file, where one is named."""
        return Path(self.family) if self.family else None

    @property
    def title(self) -> str:
        """What is verified, for people: `core topic`, `core #12`, `core #12 (0123456789ab)`."""
        ref = self.ref[:_SHOWN_DIGITS] if _WHOLE_SHA.fullmatch(self.ref) else self.ref
        if self.group:
            return f"{self.upstream} merge group ({ref})"
        pull = f"#{self.pull}"
        if self.pull is None or ref == pull:
            return f"{self.upstream} {ref}"
        return f"{self.upstream} {pull} ({ref})"
