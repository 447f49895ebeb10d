"""Tasks that are tried again when that may help; each looks at the world before it acts, so that it can do no harm."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from interlock.patience import is_transient

P = ParamSpec("P")
R = TypeVar("R")


async def may_help(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether another try may help: what went wrong was the world's trouble, and no mistake."""
    result = await state.aresult(raise_on_failure=False)
    return isinstance(result, Exception) and is_transient(result)


def patient_task(name: str, run_name: str | None = None) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task that is tried again, with growing pauses.

    What is passed to it are connections and plans: never worth a cache key, never to be written anywhere.
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


async def as_task(step: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a step of a workflow as a patient task of its name; of `build core` the task run is `build-core`."""
    name, _, _ = step.partition(" ")
    return await patient_task(name, step.replace(" ", "-"))(function)(*args, **kwargs)
