"""Cascades: a release and every release that it makes necessary, in dependency order, each package once."""
