"""Requirements on a package, moved to its new version where they stand, and nothing else with them."""

from interlock.pins.repin import declared, proposed, repin
from interlock.pins.values import Change, Declared, Refusal, Repin, Unchanged

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
