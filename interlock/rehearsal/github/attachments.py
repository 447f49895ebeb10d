"""What listens on a state beside the endpoints: Apps' signed tokens, pull requests that follow branches, webhooks."""

import weakref

from interlock.rehearsal.github import apps, hooks, pull_store
from interlock.rehearsal.github.state import GitHubState

_attached: weakref.WeakSet[GitHubState] = weakref.WeakSet()


def attach(state: GitHubState) -> None:
    """Attach all of it, once; whoever serves the state calls this before."""
    if state not in _attached:
        _attached.add(state)
        apps.attach(state)
        pull_store.attach(state)
        hooks.attach(state)
