"""The calls about check runs, which only Apps may make: a report on a commit, with notes on its lines."""

from collections.abc import Mapping
from typing import Any, Literal

from interlock.adapters.github.base_client import PAGE, BaseClient, at, parsed
from interlock.adapters.github.models import Answer
from interlock.common.frozen_model import FrozenModel

LONGEST_SUMMARY = 65_535
MOST_ANNOTATIONS = 50  # in one call


class Annotation(FrozenModel):
    """A note on a line of a file of the commit.

    Attributes:
        path: From the repository's root.
        line: Counted from 1.
        message: Plain text, 64 KB at most.
    """

    path: str
    line: int
    level: Literal["notice", "warning", "failure"]
    title: str
    message: str

    def as_sent(self) -> dict[str, Any]:
        """As GitHub names its parts."""
        lines = {"start_line": self.line, "end_line": self.line}
        return {
            "path": self.path,
            **lines,
            "annotation_level": self.level,
            "title": self.title,
            "message": self.message,
        }


class Output(Answer):
    """The report of a check run.

    Attributes:
        annotations_count: How many notes it has; notes can be added and never removed.
    """

    title: str | None = None
    summary: str | None = None
    annotations_count: int = 0


class App(Answer):
    """The App that made a check run."""

    slug: str | None = None


class CheckRun(Answer):
    """A check run.

    Attributes:
        external_id: The App's own name for it.
        conclusion: None while it is not completed.
    """

    id: int
    name: str
    status: str
    conclusion: str | None = None
    external_id: str | None = None
    output: Output = Output()
    app: App | None = None

    @property
    def is_completed(self) -> bool:
        """Whether it has ended."""
        return self.status == "completed"


class CheckRuns(BaseClient):
    """Check runs."""

    async def check_runs(self, repo: str, sha: str, *, name: str) -> tuple[CheckRun, ...]:
        """The check runs of a name on a commit, of all Apps, newest first.

        Raises:
            TokenError: The repository does not exist, or this token cannot see it.
        """
        url = f"{at(repo)}/commits/{sha}/check-runs?check_name={name.replace('/', '%2F')}&filter=all&{PAGE}"
        what = f"list the check runs of {sha[:10]}"
        found = [parsed(CheckRun, one, repo) for one in await self._all(url, what, repo, key="check_runs")]
        return tuple(sorted((run for run in found if run.name == name), key=lambda run: -run.id))

    async def create_check_run(self, repo: str, **facts: object) -> CheckRun:
        """Start one, or report at once how it ended.

        Args:
            repo: The repository.
            facts: As GitHub names them: name, head_sha, status, conclusion, external_id, details_url, output.

        Raises:
            TokenError: The token is not an App's, or is not allowed to.
            UnreachableError: It may have been made: look for it.
        """
        return await self._checked("POST", f"{at(repo)}/check-runs", "make a check run", repo, facts)

    async def update_check_run(self, repo: str, run: int, **facts: object) -> CheckRun:
        """Change one of the App's own. Annotations are added to the present ones."""
        return await self._checked("PATCH", f"{at(repo)}/check-runs/{run}", f"change the check run {run}", repo, facts)

    async def _checked(self, method: str, url: str, what: str, repo: str, facts: Mapping[str, object]) -> CheckRun:
        data = {name: value for name, value in facts.items() if value is not None}
        return parsed(CheckRun, (await self._write(method, url, what, repo, data)).data, repo)
