"""What a matrix covers: which edges, which versions, which Pythons."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.common.paths import home
from interlock.errors import UsageError
from interlock.matrix.report import MatrixReport
from interlock.model.family import Family
from interlock.model.requirements import MemberName
from interlock.model.suites import Suite

# Measured with benchmarks/jobs.py on 2 cores: suites sleep, and wait for the disk. 4 took 0.42 of the time of 1; 3 took
# 0.48, and more than 4 gained nothing.
MOST_JOBS = 64
DEFAULT_JOBS = min(2 * (os.cpu_count() or 1), MOST_JOBS)


class Runner(StrEnum):
    """Where cells are run."""

    HERE = "here"
    DASK = "dask"


class MatrixRequest(FrozenModel):
    """The parameters of a matrix, as the command line and the form in Prefect's UI give them."""

    family: str | None = Field(default=None, description="The family file. Default: the one in use on this machine.")
    upstream: MemberName | None = Field(default=None, description="Only the edges from this package. Default: all.")
    downstream: tuple[MemberName, ...] = Field(
        default=(), description="Only the edges to these packages. Default: all."
    )
    upstream_versions: str = Field(
        default="latest:10", description='A specifier, a list, "all", or "latest:N": which versions of the upstream.'
    )
    downstream_versions: str = Field(
        default="latest:10", description='A specifier, a list, "all", or "latest:N": which versions of each downstream.'
    )
    python: tuple[str, ...] = Field(default=(), description="Python versions. Default: those of the family file.")
    jobs: int = Field(default=DEFAULT_JOBS, ge=1, le=MOST_JOBS, description="How many cells run side by side.")
    fresh: bool = Field(default=False, description="Run every cell again, whatever the ledger knows.")
    together: tuple[str, ...] = Field(
        default=(), description="Versions of other packages that come with each pair, as name==1.0. Default: none."
    )
    runner: Runner = Field(default=Runner.HERE, title="Run on", description="This machine, or a Dask cluster.")
    scheduler: str | None = Field(
        default=None,
        title="Dask scheduler",
        description="The address of a cluster, as tcp://host:8786. Default: one on this machine, for this matrix.",
    )
    html: str | None = Field(default=None, title="HTML report", description="Where to. Default: among the reports.")
    json_file: str | None = Field(default=None, title="JSON report", description="Where to. Default: nowhere.")

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if self.scheduler is not None and self.runner is not Runner.DASK:
            raise UsageError("a scheduler of Dask is named, and nothing is run on Dask", hint="add: --on dask")
        return self

    @property
    def family_path(self) -> Path | None:
        """The family file, where one is named."""
        return Path(self.family) if self.family else None

    def page(self, report: MatrixReport) -> Path:
        """The path of the HTML report."""
        name = f"{report.family}-{report.started_at:%Y%m%dT%H%M%S.%fZ}.html"
        return Path(self.html).absolute() if self.html else home() / "reports" / name

    def covers(self) -> str:
        """The request in one line, for people."""
        pythons = f", Python {', '.join(self.python)}" if self.python else ""
        return f"{self.upstreams} ({self.upstream_versions}) × {self.downstreams} ({self.downstream_versions}){pythons}"

    @property
    def upstreams(self) -> str:
        """The requested upstreams, for people."""
        return self.upstream or "every upstream"

    @property
    def downstreams(self) -> str:
        """The requested downstreams, for people."""
        return ", ".join(self.downstream) or "its downstreams"


class TestedEdge(FrozenModel):
    """An edge of the family with one of the suites that test it."""

    upstream: str
    downstream: str
    suite: Suite


def edges(request: MatrixRequest, family: Family, *, unproven: bool = False) -> tuple[TestedEdge, ...]:
    """The edges that a request covers, in the family's order.

    Args:
        request: The request.
        family: The family.
        unproven: Whether to cover downstreams without a suite too, by the least that can be done for them.

    Raises:
        UsageError: A name is not in the family, or nothing is covered.
    """
    for name in filter(None, (request.upstream, *request.downstream)):
        family.package(name)
    tested = (
        TestedEdge(upstream=edge.upstream, downstream=edge.downstream, suite=suite)
        for edge in family.edges()
        for suite in (family.tried_with(edge) if unproven else family.suites_of(edge))
    )
    found = tuple(edge for edge in tested if _is_covered(edge, request))
    if not found:
        raise UsageError(
            f"no suite tests {request.upstreams} × {request.downstreams}", hint=_what_to_do(request, family)
        )
    return found


def _what_to_do(request: MatrixRequest, family: Family) -> str:
    if request.upstream and not family.downstreams(request.upstream):
        return f"nothing in the family requires {request.upstream}; did you mean --downstream {request.upstream}?"
    return "give the downstream a suite, see docs/family-file.md"


def _is_covered(edge: TestedEdge, request: MatrixRequest) -> bool:
    return request.upstream in {None, edge.upstream} and (
        not request.downstream or edge.downstream in request.downstream
    )
