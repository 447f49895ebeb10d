"""What starts a release of a package by itself: the table `[packages.NAME.release_on]` of the family file."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.common.validation import fault
from interlock.errors import UsageError
from interlock.model.bump_rule import parse_rule

NONE = "none"
LABELS = {"no-release": NONE, "release:major": "major", "release:minor": "minor", "release:patch": "patch"}
SKIP = ("[skip release]", "[no release]", "[skip ci]", "[ci skip]", "[no ci]")


def _bump(text: str) -> str:
    try:
        _ = text == NONE or parse_rule(text)
    except UsageError as error:
        raise fault(error.message, f'"none" for no release; {error.hint}') from None
    return text


Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]
LabelBump = Annotated[str, AfterValidator(_bump)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=250)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=250)]


class ReleaseOn(FrozenModel):
    """What happens in the repository that starts a release, and of which kind."""

    event: Literal["push", "merge", "label"] = Field(
        description="A push to the branch, a merged pull request, or only a merged one with one of the labels.",
        examples=['"merge"'],
    )
    start: Literal["release", "cascade"] = Field(
        default="release", description="What is started: a release of the package, or also of all that follows."
    )
    labels: Mapping[Label, LabelBump] | None = Field(
        default=None,
        description="By label of the merged pull request, how the version moves, or none; of several, the first here "
        "counts. Default: no-release, release:major, release:minor, release:patch.",
        examples=['{ "no-release" = "none", "breaking" = "major" }'],
    )
    branches: tuple[Pattern, ...] = Field(
        default=(), description="Further branches, by GitHub's patterns, from which it is released as with --ref."
    )
    paths: tuple[Pattern, ...] = Field(
        default=(), description="Only if it changes a file that these patterns select. Default: every file."
    )
    ignore: tuple[Pattern, ...] = Field(default=(), description="Files that start nothing when only they change.")
    titles: tuple[Text, ...] = Field(
        default=(),
        description="Only if the title of the pull request, or of the pushed commit, has one of these texts.",
    )
    skip: tuple[Text, ...] = Field(
        default=SKIP, description="Texts that start nothing when a title or a commit's message has one of them."
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.event == "push" and self.labels is not None:
            raise fault("a push has no labels", 'write event = "merge", or remove labels')
        if self.event == "label" and not set(self.bumps.values()) - {NONE}:
            raise fault("no label starts a release", 'for example: labels = { "release:patch" = "patch" }')
        return self

    @property
    def bumps(self) -> Mapping[str, str]:
        """By label, how the version moves, or `none`."""
        return LABELS if self.labels is None else self.labels

    def bump_of(self, labels: Iterable[str]) -> str | None:
        """What a pull request's labels ask for: of several, the first of the table; GitHub ignores case."""
        given = {label.lower() for label in labels}
        return next((bump for label, bump in self.bumps.items() if label.lower() in given), None)

    def highest(self, bumps: Iterable[str]) -> str | None:
        """Of what several pull requests ask for, the one whose label is the first of the table."""
        given = set(bumps)
        return next((bump for bump in self.bumps.values() if bump in given), None)

    def skips(self, text: str) -> str | None:
        """The word in a title or message that skips the release."""
        return next((word for word in self.skip if word.lower() in text.lower()), None)

    def is_titled(self, title: str) -> bool:
        """Whether a title is one that starts a release."""
        return not self.titles or any(text.lower() in title.lower() for text in self.titles)
