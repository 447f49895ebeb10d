"""Tasks with retries, which are safe because each step looks at the world before it acts."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from interlock.common.retry import is_transient
from interlock.common.steps import RunStep

P = ParamSpec("P")
R = TypeVar("R")
NOTHING: Mapping[str, Callable[[Any], Awaitable[None]]] = {}


async def may_help(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether another try may help: the error is transient."""
    result = await state.aresult(raise_on_failure=False)
    return isinstance(result, Exception) and is_transient(result)


def patient_task(name: str, run_name: str | None = None) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task with retries, at growing intervals.

    Its arguments are connections and plans, which make no cache key and must not be written anywhere.
    """
    return task(
        name=name,
        task_run_name=run_name or name,
        retries=4,
        retry_delay_seconds=exponential_backoff(2),
        retry_jitter_factor=0.5,
        retry_condition_fn=may_help,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def as_tasks(shown: Mapping[str, Callable[[Any], Awaitable[None]]] = NOTHING) -> RunStep:
    """Run each step of a workflow as a patient task: `prove core` is the task `prove` with the run name `prove-core`.

    Args:
        shown: By step, a function that shows its result in the UI, within the task.
    """

    async def run(step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        name, _, _ = step.partition(" ")

        async def work() -> R:
            result = await function(*args, **kwargs)
            if name in shown:
                await shown[name](result)
            return result

        work.__qualname__ = name  # Prefect makes the task's key from it
        return await patient_task(name, step.replace(" ", "-", 1))(work)()

    return run


def log(level: int, line: str) -> None:
    """Write a line into the log of the present task or flow run."""
    get_run_logger().log(level, "%s", line)
