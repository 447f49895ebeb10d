"""The author of commits and tags: the family's, else the one in git's own configuration."""

from interlock.adapters.git.command import git
from interlock.adapters.git.models import Author
from interlock.errors import RepositoryError


async def find_author(author: str | None) -> Author:
    """The author of commits and tags.

    Args:
        author: The family's, as `Name <address>`; None for that of git's configuration.

    Raises:
        UsageError: The author has another form.
        RepositoryError: Git's configuration names no author.
    """
    if author is not None:
        return Author.parse(author)
    name, email = [(await git("config", "--get", key)).output.strip() for key in ("user.name", "user.email")]
    if not name or not email:
        raise RepositoryError(
            "nobody is named who commits and tags: neither the family file nor git's configuration has an author",
            hint='write author = "Name <address@example.org>" under [family], '
            "or run git config --global user.name and user.email",
        )
    return Author(name=name, email=email)
