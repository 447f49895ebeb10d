"""Writes a request as the command that makes it again."""

import shlex
from collections.abc import Mapping, Sequence

from interlock.common.frozen_model import FrozenModel


def command(words: Sequence[str], request: FrozenModel, options: Mapping[str, str]) -> str:
    """The command with every option whose value is not the default, quoted for a shell.

    Args:
        words: What it begins with: `interlock contracts main`.
        request: Its parameters.
        options: By field, the option that sets it; of a field that is set, and true by default, the one that unsets it.
    """
    fields = type(request).model_fields
    found = list(words)
    for name, option in options.items():
        value = getattr(request, name)
        if value == fields[name].get_default(call_default_factory=True):
            continue
        values = value if isinstance(value, tuple) else (value,)
        found += [option] if isinstance(value, bool) else [word for each in values for word in (option, str(each))]
    return shlex.join(found)
