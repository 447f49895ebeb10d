"""The flow `send-notice`: sends one e-mail, for the automations that `interlock notify email` makes."""

from prefect import flow
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.tasks import exponential_backoff
from prefect_email import EmailServerCredentials, email_send_message  # type: ignore[import-untyped]

from interlock.common.sanitize import one_line, plain

LONGEST_SUBJECT = 200

send = email_send_message.with_options(
    name="send",
    task_run_name="send",
    retries=4,
    retry_delay_seconds=exponential_backoff(5),
    cache_policy=NO_CACHE,
    persist_result=False,
)


@flow(name="send-notice", flow_run_name="send-notice", persist_result=False)
async def send_notice(
    subject: str = "Interlock: a test",
    body: str = "",
    to: tuple[str, ...] = (),
    sender: str | None = None,
    credentials: str = "interlock-notify-email",
) -> State[None]:
    """Send an e-mail.

    Args:
        subject: Its subject.
        body: Its text.
        to: The recipients; without any, nothing is sent.
        sender: The sender's address. Default: the user of the mail server.
        credentials: The name of the block with the mail server and its credentials.
    """
    if not to:
        return Completed(message="nobody is to be told")
    await send(
        subject=one_line(subject)[:LONGEST_SUBJECT],
        msg="",  # this would be HTML
        msg_plain=plain(body),
        email_server_credentials=await EmailServerCredentials.aload(credentials),
        email_from=sender,
        email_to=list(to),
    )
    return Completed(message=f"told {len(to)}")
