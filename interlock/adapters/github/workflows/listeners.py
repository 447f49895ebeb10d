"""All workflow files of a repository: which of them listen to an event, and why others don't."""

from collections.abc import Iterator, Mapping

from interlock.adapters.github.workflows.parser import Finding, Workflow, alike, read
from interlock.common.frozen_model import FrozenModel

FOLDER = ".github/workflows/"


class Listener(FrozenModel):
    """A workflow file that listens to the event.

    Attributes:
        line: The line that says so, from 1.
        exact: Whether the id of a dispatch is in the title of the run that took it.
        every: Whether it listens to the event only because it lists no types.
    """

    path: str
    line: int
    exact: bool
    every: bool


class ListenerMatch(FrozenModel):
    """The listeners to an event in a repository.

    Attributes:
        listeners: The files that listen to it, by path.
        faults: What keeps GitHub from using any of the files.
        warnings: What GitHub reads otherwise than its author seems to mean, in any of the files.
        near: Types like the event that are listened to, when no file listens to the event itself.
    """

    event: str
    listeners: tuple[Listener, ...]
    faults: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    near: tuple[Finding, ...] = ()

    @property
    def heard(self) -> bool:
        """Whether any file listens to it."""
        return bool(self.listeners)

    @property
    def exact(self) -> bool:
        """Whether every run that takes a dispatch says in its title which one."""
        return self.heard and all(listener.exact for listener in self.listeners)


def listens(files: Mapping[str, bytes], event: str) -> ListenerMatch:
    """The listeners to an event among the files of `.github/workflows` on a repository's default branch.

    Args:
        files: By path, or by name alone; files that are not workflow files are left out.
        event: The type of the `repository_dispatch`.
    """
    workflows = [read(path, files[path]) for path in sorted(files) if is_workflow(path)]
    listeners = tuple(
        Listener(path=workflow.path, line=workflow.line, exact=workflow.exact, every=workflow.types is None)
        for workflow in workflows
        if workflow.listens_to(event)
    )
    return ListenerMatch(
        event=event,
        listeners=listeners,
        faults=tuple(found for workflow in workflows for found in workflow.faults),
        warnings=tuple(found for workflow in workflows for found in workflow.warnings),
        near=() if listeners else tuple(found for workflow in workflows for found in _near(workflow, event)),
    )


def is_workflow(path: str) -> bool:
    """Whether a file is a workflow for GitHub: right in the folder, with a YAML suffix."""
    name = path.removeprefix(FOLDER)
    return "/" not in name and name.endswith((".yml", ".yaml"))


def _near(workflow: Workflow, event: str) -> Iterator[Finding]:
    if workflow.dispatched:
        for listed in workflow.types or ():
            if alike(listed.name, event):
                message = f'it listens to "{listed.name}", not to "{event}"'
                hint = f'did you mean "{event}"?'
                yield Finding(path=workflow.path, line=listed.line, message=message, hint=hint)
