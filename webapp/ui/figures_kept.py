"""Figures that Prometheus reads: of requests, kept in each process, and of the queues, asked at each scrape.

Labels are routes' rules, methods, statuses and names of queues, so their number is fixed by the program.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from webapp.queries.operation import Operation

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STATEMENTS = (0, 2, 5, 10, 15, 20, 30, 50, 100)


class Figures:
    """What one process counts. ``shared`` is the folder in which all processes of the site keep theirs."""

    def __init__(self) -> None:
        self.shared: Path | None = None
        self._own = CollectorRegistry()
        labels = ("method", "route", "status")
        self._seconds = Histogram(
            "daybook_request_seconds", "Time to answer.", labels, buckets=SECONDS, registry=self._own
        )
        self._sql = Histogram(
            "daybook_request_statements",
            "SQL statements of one request.",
            ("route",),
            buckets=STATEMENTS,
            registry=self._own,
        )
        self._failures = Counter(
            "daybook_request_failures", "Answers of 500 and more.", ("route",), registry=self._own
        )

    def share(self, folder: Path) -> None:
        """Keep what is counted from now on where the other processes find it. Before the first request."""
        values.ValueClass = multiprocess_values()
        self.shared = folder

    def request(self, method: str, route: str, status: int, seconds: float, statements: int) -> None:
        """A request has ended."""
        self._seconds.labels(method, route, str(status)).observe(seconds)
        self._sql.labels(route).observe(statements)
        if status >= 500:
            self._failures.labels(route).inc()

    def text(self, operation: Operation) -> bytes:
        """Everything, as Prometheus reads it."""
        registry = self._own
        if self.shared is not None:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, str(self.shared))
        asked = CollectorRegistry()
        asked.register(_Asked(operation))
        return generate_latest(registry) + generate_latest(asked)


def multiprocess_values() -> Any:
    """The kind of value that is kept in a file of its process."""
    return values.MultiProcessValue()


class _Asked(Collector):
    """What the database says."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = self._operation
        waiting = GaugeMetricFamily("daybook_queue_waiting", "What waits.", labels=["queue"])
        oldest = GaugeMetricFamily(
            "daybook_queue_oldest_seconds", "How long the oldest has been due.", labels=["queue"]
        )
        for queue in found.queues:
            waiting.add_metric([queue.name], queue.waiting)
            oldest.add_metric([queue.name], queue.oldest)
        yield from (waiting, oldest)
        yield from _gauges(
            ("daybook_workers", "Workers seen in the last minute.", found.workers),
            (
                "daybook_sweep_lag_seconds",
                "Since all firms were swept; absent: never.",
                found.sweep_lag,
            ),
            ("daybook_held_back", "Sweeps held back that nobody has decided on.", found.held),
            ("daybook_unsealed", "Entries of the history that await their seal.", found.unsealed.waiting),
            (
                "daybook_unsealed_oldest_seconds",
                "How long the first of them has waited.",
                found.unsealed.oldest,
            ),
        )


def _gauges(*named: tuple[str, str, float | None]) -> Iterator[GaugeMetricFamily]:
    for name, words, value in named:
        if value is not None:
            yield GaugeMetricFamily(name, words, value=value)
