"""Webhook deliveries in a terminal."""

import json
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from interlock.common.sanitize import one_line, plain
from interlock.reports.labels import moment
from interlock.reports.wide_table import print_wide
from interlock.webhooks import Delivery, DeliveryState

STYLES = {DeliveryState.ACCEPTED: "yellow", DeliveryState.STARTED: "green", DeliveryState.IGNORED: "bright_black"}


def print_deliveries(deliveries: Iterable[Delivery], console: Console) -> None:
    """Print deliveries as a table, the newest first."""
    table = Table(box=None, pad_edge=False)
    for title in ("delivery", "came", "event", "repository", "state", "what follows, or why nothing does"):
        table.add_column(title, no_wrap=True)
    for each in deliveries:
        state = Text(each.state, style=STYLES[each.state])
        cells = (str(each.guid), moment(each.at), _event(each), each.repository or "–")
        table.add_row(*(Text(one_line(cell)) for cell in cells), state, Text(one_line(_what(each))))
    if not table.row_count:
        console.print("no delivery is in the ledger")
        return
    print_wide(table, console)


def print_delivery(delivery: Delivery, console: Console) -> None:
    """Print all that is kept of a delivery."""
    for name, text in _lines(delivery):
        console.print(Text.assemble((f"{name:<11}", "cyan"), one_line(text)), soft_wrap=True)
    if delivery.body is not None:
        console.print(Text(plain(delivery.body)), soft_wrap=True)


def _lines(delivery: Delivery) -> Iterator[tuple[str, str]]:
    yield "delivery", str(delivery.guid)
    yield "came", f"{moment(delivery.at)}, by the door for {delivery.source}"
    yield "event", _event(delivery)
    yield "repository", delivery.repository or "–"
    yield "state", delivery.state
    if delivery.why:
        yield "why", delivery.why
    if start := delivery.start:
        yield "deployment", start.deployment
        yield "parameters", json.dumps(dict(start.parameters))
        yield "key", start.key
    if delivery.run:
        yield "flow run", delivery.run
    if delivery.state is DeliveryState.ACCEPTED:
        yield "attempts", str(delivery.attempts)
        yield "next", moment(delivery.due_at) if delivery.due_at else "–"


def _event(delivery: Delivery) -> str:
    return f"{delivery.event} {delivery.action}" if delivery.action else delivery.event


def _what(delivery: Delivery) -> str:
    if delivery.state is DeliveryState.IGNORED or delivery.start is None:
        return delivery.why
    start = delivery.start
    return f"{start.deployment} of {start.package}{f': {delivery.why}' if delivery.why else ''}"
