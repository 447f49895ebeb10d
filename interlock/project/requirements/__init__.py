"""Requirements on a package, moved to its new version where they stand, and nothing else with them."""

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
