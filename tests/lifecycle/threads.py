"""Several writers at the same moment."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

Job = Callable[[Session], Any]


def at_once(engine: Engine, jobs: Sequence[Job]) -> list[Any]:
    """Run each job in a thread and a session of its own, all from the same moment on.

    Returns:
        What each job returned or raised, in the order of the jobs.
    """
    ready = Barrier(len(jobs))
    results: list[Any] = [None] * len(jobs)

    def run(place: int, job: Job) -> None:
        with Session(engine, expire_on_commit=False) as session:
            ready.wait()
            try:
                results[place] = job(session)
            except Exception as error:
                results[place] = error

    threads = [Thread(target=run, args=numbered) for numbered in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
