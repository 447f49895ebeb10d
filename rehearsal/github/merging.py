"""Bringing a branch into another without a work tree: by a merge commit, as one commit, or commit by commit."""

from typing import Literal

from rehearsal.github.git_store import GitStore, GitStoreError, Person

Method = Literal["merge", "squash", "rebase"]


def merged_tree(git: GitStore, ours: str, theirs: str) -> str | None:
    """The tree of a merge of two commits; None when they conflict, or have nothing in common."""
    try:
        return git.line("merge-tree", "--write-tree", ours, theirs).splitlines()[0]
    except GitStoreError:
        return None


def is_ahead(git: GitStore, head: str, base: str) -> bool:
    """Whether a commit has something that another has not."""
    return bool(git.log("--max-count=1", head, "--not", base))


def commits_between(git: GitStore, base: str, head: str) -> list[str]:
    """What a branch brings, oldest first."""
    return git.log("--topo-order", "--reverse", head, "--not", base)


def merge(git: GitStore, base: str, head: str, message: str, author: Person) -> str | None:
    """A merge commit; None when there is a conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.commit_tree(tree, [base, head], message, author=author, committer=git.web_flow())


def squash(git: GitStore, base: str, head: str, message: str, author: Person) -> str | None:
    """One commit with everything that the branch brings; None when there is a conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.commit_tree(tree, [base], message, author=author, committer=git.web_flow())


def rebase(git: GitStore, base: str, head: str, committer: Person) -> str | None:
    """Each commit of the branch anew on the base, with its author; None when one does not fit there."""
    onto: str | None = base
    for sha in commits_between(git, base, head):
        commit = git.commit(sha)
        # GitHub leaves merge commits out, as `git rebase` does.
        if onto is not None and len(commit.parents) == 1:
            tree = _picked(git, onto, sha)
            message = commit.message
            onto = tree and git.commit_tree(tree, [onto], message, author=commit.author, committer=committer)
    return onto


def _picked(git: GitStore, onto: str, sha: str) -> str | None:
    """The tree of a commit's changes on another commit."""
    commit = git.commit(sha)
    # Git before 2.40 can't be told the merge base: three commits are made of which the first is the base of the others.
    root = git.commit_tree(git.commit(commit.parents[0]).tree, [], "base")
    ours = git.commit_tree(git.commit(onto).tree, [root], "ours")
    theirs = git.commit_tree(commit.tree, [root], "theirs")
    return merged_tree(git, ours, theirs)
