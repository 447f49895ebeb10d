"""Tests of contracts that are exported, compared and looked for."""
