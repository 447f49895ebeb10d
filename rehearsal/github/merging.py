"""Merges a branch into another without a work tree: by a merge commit, as one commit, or commit by commit."""

from typing import Literal

from rehearsal.github.git_store import GitStore, GitStoreError, Person

Method = Literal["merge", "squash", "rebase"]


def merged_tree(git: GitStore, ours: str, theirs: str) -> str | None:
    """The tree of a merge of two commits; None if they conflict, or have no common history."""
    try:
        return git.line("merge-tree", "--write-tree", ours, theirs).splitlines()[0]
    except GitStoreError:
        return None


def is_ahead(git: GitStore, head: str, base: str) -> bool:
    """Whether a commit has history that another lacks."""
    return bool(git.log("--max-count=1", head, "--not", base))


def commits_between(git: GitStore, base: str, head: str) -> list[str]:
    """The commits of a branch that its base lacks, oldest first."""
    return git.log("--topo-order", "--reverse", head, "--not", base)


def merge(git: GitStore, base: str, head: str, message: str, author: Person) -> str | None:
    """A merge commit; None if there is a conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.commit_tree(tree, [base, head], message, author=author, committer=git.web_flow())


def squash(git: GitStore, base: str, head: str, message: str, author: Person) -> str | None:
    """One commit with all changes of the branch; None if there is a conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.commit_tree(tree, [base], message, author=author, committer=git.web_flow())


def rebase(git: GitStore, base: str, head: str, committer: Person) -> str | None:
    """A copy of each commit of the branch on the base, with its author; None if there is a conflict."""
    onto: str | None = base
    for sha in commits_between(git, base, head):
        commit = git.commit(sha)
        # Like `git rebase`, GitHub leaves merge commits out.
        if onto is not None and len(commit.parents) == 1:
            tree = _picked(git, onto, sha)
            message = commit.message
            onto = tree and git.commit_tree(tree, [onto], message, author=commit.author, committer=committer)
    return onto


def _picked(git: GitStore, onto: str, sha: str) -> str | None:
    """The tree of a commit's changes, applied to another commit."""
    commit = git.commit(sha)
    # Git before 2.40 has no option for the merge base: it gets three commits, the first of which is the others' base.
    root = git.commit_tree(git.commit(commit.parents[0]).tree, [], "base")
    ours = git.commit_tree(git.commit(onto).tree, [root], "ours")
    theirs = git.commit_tree(commit.tree, [root], "theirs")
    return merged_tree(git, ours, theirs)
