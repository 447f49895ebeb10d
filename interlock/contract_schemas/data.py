"""What became of data: of models, by their JSON Schemas, and of enums, by their values."""

from collections.abc import Iterator

from interlock.contract_schemas.containment import admits_all
from interlock.contract_schemas.differences import differences
from interlock.contract_schemas.findings import Finding, Shape
from interlock.contract_schemas.members import class_changes
from interlock.contract_schemas.words import shown


def model_changes(before: Shape, after: Shape) -> Iterator[Finding]:
    """Every difference between two models: in what they take, in what they write, and in what code sees of them.

    Readers fail at what the new version writes and the old one never wrote; writers, when the new version refuses what
    the old one took. Which of the differences it is can't be told apart, so all of one side are said to break.
    """
    taken = differences(before["validation"], after["validation"])
    written = differences(before["serialization"], after["serialization"])
    refuses = bool(taken) and not admits_all(after["validation"], before["validation"])
    surprises = bool(written) and not admits_all(before["serialization"], after["serialization"])
    for detail in dict.fromkeys((*taken, *written)):
        alone = (
            "" if detail in taken and detail in written else " (when read)" if detail in taken else " (when written)"
        )
        yield Finding(
            detail=f"{detail}{alone}",
            readers=surprises and detail in written,
            writers=refuses and detail in taken,
        )
    for name in before["fields"]:
        if name not in after["fields"] and f'field "{name}" removed' not in written:
            yield Finding(detail=f"attribute {name} removed", readers=True, writers=True)
    yield from class_changes(before, after)


def enum_changes(before: Shape, after: Shape) -> Iterator[Finding]:
    """Every difference between two enums: a name is what code uses, a value is what is written and read."""
    was, now = before["members"], after["members"]
    values = [[shown(value) for value in members.values()] for members in (was, now)]
    for name, value in was.items():
        if name not in now:
            stays = ", its value stays" if shown(value) in values[1] else ""
            yield Finding(detail=f"member {name} = {shown(value)} removed{stays}", writers=True)
        elif shown(now[name]) != shown(value):
            detail = f"member {name} = {shown(now[name])}, was {shown(value)}"
            yield Finding(detail=detail, readers=shown(now[name]) not in values[0], writers=True)
    for name, value in now.items():
        if name not in was:
            yield Finding(detail=f"member {name} = {shown(value)} added", readers=shown(value) not in values[0])
    if before["mixin"] != after["mixin"]:
        detail = f"its values are {after['mixin'] or 'plain objects'}, were {before['mixin'] or 'plain objects'}"
        yield Finding(detail=detail, readers=True, writers=True)
    yield from class_changes(before, after)
