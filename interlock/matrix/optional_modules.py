"""Names that only an extra of a downstream brings: a module that imports one needs the extra.

Only what an extra declares may be missing. A name that nothing declares is a fault of the downstream, and one that the
upstream has, in any of its releases, is what the suite is about.
"""

import asyncio
import re
import sys
from collections.abc import Collection

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from interlock.adapters.distributions import Wheel, imported_packages
from interlock.adapters.index.client import PackageIndex
from interlock.adapters.index.known_modules import some_modules

EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
# Of the extras for all and everything, the lists of whose files are read.
MOST_PACKAGES = 50


async def optional_names(
    index: PackageIndex, downstream: Wheel, extras: Collection[str], upstream: Collection[str]
) -> dict[str, str]:
    """What extras of a downstream bring that its code imports: by importable name, the extra and its package, in words.

    Args:
        index: Where the packages of the extras are looked up.
        downstream: The downstream.
        extras: Those that the suite installs.
        upstream: The names of the upstream's modules, in all of its releases.
    """
    packages = brought_by_extras(downstream, extras)
    if not packages:
        return {}
    own = {name.partition(".")[0] for name in (*downstream.modules, *upstream)}
    imported = await asyncio.to_thread(imported_packages, downstream.path)
    wanted = imported - own - sys.stdlib_module_names
    asked = sorted(packages)[:MOST_PACKAGES] if wanted else []
    found = await asyncio.gather(*(some_modules(index, package) for package in asked))
    return {
        name: f"the extra {packages[package]} of {downstream.name} has it, with {package}"
        for package, names in zip(asked, found, strict=True)
        for name in sorted(names & wanted)
    }


def brought_by_extras(downstream: Wheel, extras: Collection[str]) -> dict[str, str]:
    """The packages that a downstream requires for extras alone, none of which the suite installs; by name, an extra."""
    installed = {canonicalize_name(extra) for extra in extras}
    required, optional = {downstream.name}, dict[str, str]()
    for requirement in map(Requirement, downstream.requires):
        named = EXTRA.findall(str(requirement.marker or ""))
        without = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if not named or without or installed & set(map(canonicalize_name, named)):
            required.add(canonicalize_name(requirement.name))
        else:
            optional.setdefault(canonicalize_name(requirement.name), named[0])
    return {name: extra for name, extra in optional.items() if name not in required}
