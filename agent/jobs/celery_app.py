"""How Celery is set up to carry jobs over Redis; the one module that knows its settings.

The rules:

- a message holds a job's id and nothing else; it is JSON, and nothing but JSON is read;
- a message is acknowledged after its work, and comes again when its worker is gone: what that means
  for the job is decided by the store, so that a message too many does no harm;
- a worker takes no message that it cannot begin, so that the priority is that of all who wait;
- queues and what belongs to them have names of their own, so that programs can share a Redis;
- what monitors read (events, results, remote control) has the names that they know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from celery import Celery

from agent.jobs.engine import SILENCE

RUN_JOB: Final = "toolloop.run_job"
"""The one task, which takes a job's id."""

LIMIT_MARGIN: Final = 60.0
"""Seconds after a job's own hard limit, after which Celery kills what should have ended it."""

CONNECT_SECONDS: Final = 2.0
"""For Redis to accept a connection."""

ANSWER_SECONDS: Final = 10.0
"""For Redis to answer; more than the longest wait for a message."""

PRIORITIES: Final = 10
"""How many there are on the way; 0 goes first."""

MIDDLE: Final = 5
"""The priority on the way of a job whose own is 0."""


@dataclass(frozen=True, slots=True)
class CelerySettings:
    """Where the messages of jobs are, and how long they are waited for."""

    broker: str = field(repr=False)
    """The address of Redis; it may hold a password."""
    backend: str = field(repr=False)
    """The address of the Redis that holds the jobs, and the results that monitors read."""
    queue: str = "toolloop"
    """The queue's name, and what the names of all that belongs to it begin with."""
    visibility_timeout: float = 720.0
    """Seconds after which a message that nobody acknowledged is given to another worker. A job that
    runs longer is not begun twice: its message is put off while it lives."""
    silence: float = SILENCE
    """Seconds without a sign of life, after which an attempt is lost."""
    again: float = 60.0
    """Seconds before the message of an attempt that nobody began is sent a second time."""
    result_seconds: float = 86_400.0
    """For which monitors can read how a task ended."""

    @property
    def prefix(self) -> str:
        """What the keys of the job store begin with."""
        return f"{self.queue}:"


class _App(Celery):  # type: ignore[misc]  # Celery has no types.
    """Uses what it was given, where Celery's own would prefer what the environment names."""

    def __init__(self, broker: str, backend: str) -> None:
        super().__init__("toolloop", broker=broker, set_as_current=False)
        self.backend_cls = backend
        self._broker = broker

    def connection_for_read(self, url: str | None = None, **terms: Any) -> Any:
        """Connect to receive."""
        return super().connection_for_read(url or self._broker, **terms)

    def connection_for_write(self, url: str | None = None, **terms: Any) -> Any:
        """Connect to send."""
        return super().connection_for_write(url or self._broker, **terms)


def make_app(settings: CelerySettings, *, has_results: bool = True) -> Celery:
    """Make the app of a worker; without results, that of a host which only sends."""
    app = _App(settings.broker, settings.backend if has_results else "disabled")
    app.conf.update(_messages(settings), **_work(), **_results(settings))
    return app


def priority_of(priority: int) -> int:
    """Give the priority on the way, where the lower goes first, of a job's own."""
    return max(0, min(PRIORITIES - 1, MIDDLE - priority))


def _messages(settings: CelerySettings) -> Mapping[str, Any]:
    name = settings.queue
    return {
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": name,
        "task_default_priority": MIDDLE,
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": CONNECT_SECONDS,
        "broker_transport_options": {
            "visibility_timeout": settings.visibility_timeout,
            # Both 1: what was left by a dead worker is looked for each second, not each 100.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "unacked_key": f"{name}.unacked",
            "unacked_index_key": f"{name}.unacked_index",
            "unacked_mutex_key": f"{name}.unacked_mutex",
            "priority_steps": list(range(PRIORITIES)),
            "queue_order_strategy": "priority",
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
        },
    }


def _work() -> Mapping[str, Any]:
    return {
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_track_started": True,
        "worker_prefetch_multiplier": 1,
        # As many messages as before, after the connection was lost while jobs ran.
        "worker_enable_prefetch_count_reduction": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_send_task_events": True,
        "worker_redirect_stdouts": False,
    }


def _results(settings: CelerySettings) -> Mapping[str, Any]:
    return {
        "result_serializer": "json",
        "result_accept_content": ["json"],
        "result_expires": settings.result_seconds,
        "result_extended": True,
        "redis_socket_connect_timeout": CONNECT_SECONDS,
        "redis_socket_timeout": ANSWER_SECONDS,
    }
