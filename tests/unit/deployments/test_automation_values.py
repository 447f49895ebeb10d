"""What automations are about, without a server: whose runs, which channels."""

import importlib

import pytest
import yaml
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner

from deployments.automations.channel import Channel
from deployments.automations.flow_filters import FLOWS, SENDER
from deployments.cli.commands.notify import slack_address, webhook_address
from deployments.cli.main import app
from deployments.cli.prefect_checks import PREFECT_YAML
from interlock.errors import UsageError


def test_every_deployed_flow_is_ours() -> None:
    deployed = set()
    for deployment in yaml.safe_load(PREFECT_YAML.read_text("utf-8"))["deployments"]:
        module, _, function = deployment["entrypoint"].rpartition(".")
        deployed.add(getattr(importlib.import_module(module), function).name)
    assert deployed == {*FLOWS, SENDER}


@pytest.mark.parametrize("name", ["", "Slack", "a b", "a (slack)", "-a", "a" * 41])
def test_a_name_that_an_automation_could_not_carry_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't be the name"):
        Channel(name=name, kind="slack")


@pytest.mark.parametrize(
    "mailbox", ["", "nobody", "@example.org", "a@", "a@b, c@d", "a@b\nBcc: c@d", "A <a@b>", "{{ a }}@b"]
)
def test_what_is_more_than_a_mailbox_is_refused(mailbox: str) -> None:
    with pytest.raises(UsageError, match="no address of a mailbox"):
        Channel(name="email", kind="email", to=(mailbox,))


@pytest.mark.parametrize(
    "url", ["https://hooks.slack.example/services/T/B/x", "http://hooks.slack.com/services/T/B/x", "x"]
)
def test_slack_is_at_one_place_and_the_refusal_does_not_show_the_address(url: str) -> None:
    with pytest.raises(UsageError) as error:
        slack_address(SecretStr(url))
    assert url not in str(error.value).split("\n")[0].split()


@pytest.mark.parametrize(
    "url", ["ftp://example.org", "example.org", "https://", "https://a/{{ secret }}", "https://a b"]
)
def test_a_webhook_has_an_address_of_http(url: str) -> None:
    with pytest.raises(UsageError, match="begins with https"):
        webhook_address(SecretStr(url))


@pytest.mark.parametrize(
    "command", [("slack",), ("webhook",), ("email", "--to", "a@b", "--server", "c", "--user", "d")]
)
def test_without_its_secret_nothing_is_begun(command: tuple[str, ...]) -> None:
    ended = CliRunner().invoke(app, ["notify", *command], input="")
    assert isinstance(ended.exception, UsageError)
    assert "is missing" in ended.exception.message


def test_a_channel_knows_no_other_fields() -> None:
    with pytest.raises(ValidationError):
        Channel.model_validate({"name": "slack", "kind": "slack", "url": "https://example.org"})
