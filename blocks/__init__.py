"""Credentials and connections as Prefect blocks; `prefect block register -m blocks` registers those named here."""

from blocks.github_credentials import GitHubCredentials
from blocks.package_index_credentials import PackageIndexCredentials

__all__ = ["GitHubCredentials", "PackageIndexCredentials"]
