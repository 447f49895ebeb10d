"""Releases a family of Python packages that live in separate repositories, and proves that they fit together."""
