"""Requirements on a package: found in a project's files, and moved to its new version; all other bytes stay."""

from interlock.project.requirements.models import Change, Declared, Refusal, Repin, Unchanged
from interlock.project.requirements.update import declared, proposed, repin

__all__ = [
    "Change",
    "Declared",
    "Refusal",
    "Repin",
    "Unchanged",
    "declared",
    "proposed",
    "repin",
]
