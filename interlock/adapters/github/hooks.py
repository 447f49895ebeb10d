"""The calls about webhooks of repositories and of an App: their deliveries, and delivering again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AliasPath, AwareDatetime, Field

from interlock.adapters.github.base_client import PAGE, BaseClient, at, parsed
from interlock.adapters.github.errors import NotThereError
from interlock.adapters.github.models import Answer
from interlock.common.frozen_model import FrozenModel
from interlock.errors import TokenError

APP = "the App's webhook"


class Hook(FrozenModel):
    """A webhook.

    Attributes:
        path: Its address, from the API's root.
        subject: Its owner in messages: owner/name of a repository, or the App.
        url: Where it delivers to.
        active: Whether it is switched on.
        events: What it delivers; `*` for everything. Not known of an App's.
    """

    path: str
    subject: str
    url: str
    active: bool = True
    events: tuple[str, ...] = ()


class HookDelivery(Answer):
    """One attempt to deliver an event.

    Attributes:
        guid: The same for each attempt of one delivery.
        status: In words, as `OK`; `pending` before there is an answer.
        code: The receiver's answer; 0 when there was none.
        redelivery: Whether it was requested again.
    """

    id: int
    guid: UUID
    event: str
    delivered_at: AwareDatetime
    status: str
    code: int = Field(validation_alias="status_code")
    redelivery: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the receiver accepted it."""
        return 200 <= self.code < 300

    @property
    def is_pending(self) -> bool:
        """Whether there is no answer yet."""
        return self.code == 0 and self.status == "pending"


class _Listed(Answer):
    id: int
    active: bool
    url: str = Field(default="", validation_alias=AliasPath("config", "url"))
    events: tuple[str, ...] = ()


class Hooks(BaseClient):
    """The calls about webhooks; they need `admin:repo_hook`, or Webhooks: write."""

    async def hooks(self, repo: str) -> tuple[Hook, ...]:
        """The webhooks of a repository.

        Raises:
            TokenError: The token can't see them.
        """
        path = f"{at(repo)}/hooks"
        found = [parsed(_Listed, item, repo) for item in await self._shown(f"{path}?{PAGE}", repo)]
        return tuple(
            Hook(path=f"{path}/{each.id}", subject=repo, url=each.url, active=each.active, events=each.events)
            for each in found
        )

    async def app_hook(self) -> Hook:
        """The webhook of the App; the token must be the App's own, not an installation's.

        Raises:
            GitHubError: It has none.
        """
        path = "/app/hook"
        found = (await self._read(f"{path}/config", "show the App's webhook", APP)).data
        return Hook(path=path, subject=APP, url=found.get("url") or "")

    async def hook_deliveries(self, hook: Hook, since: datetime) -> tuple[HookDelivery, ...]:
        """The attempts to deliver to a webhook since then, newest first; GitHub keeps them for three days."""
        pages = self._transport.pages(f"{hook.path}/deliveries?{PAGE}", "list the deliveries", hook.subject)
        found: list[HookDelivery] = []
        async for item in pages:
            attempt = parsed(HookDelivery, item, hook.subject)
            if attempt.delivered_at < since:
                break
            found.append(attempt)
        return tuple(found)

    async def redeliver(self, hook: Hook, delivery: int) -> None:
        """Have GitHub deliver something again, under the same GUID.

        Args:
            hook: The webhook.
            delivery: The id of one of its attempts.
        """
        url = f"{hook.path}/deliveries/{delivery}/attempts"
        await self._transport.write("POST", url, "deliver it again", hook.subject)

    async def _shown(self, url: str, repo: str) -> list[dict[str, Any]]:
        try:
            return [item async for item in self._transport.pages(url, "list the webhooks", repo)]
        except NotThereError:
            name = self._transport.credentials.name
            raise TokenError(
                f"{repo}: the token of {name} cannot see the webhooks",
                hint="it needs the scope admin:repo_hook, or the permission Webhooks: read and write (docs/gateway.md)",
            ) from None
