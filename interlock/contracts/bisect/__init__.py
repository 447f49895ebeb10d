"""The first version or commit of an upstream that breaks a suite."""
