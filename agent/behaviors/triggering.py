"""Behaviours of a deployment triggered, looked at and cancelled, in the founding shapes."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agent.behaviors.behavior import Behavior
from agent.behaviors.deployments import Deployments
from agent.behaviors.running import kind_for
from agent.jobs.errors import JobNotFoundError
from agent.jobs.job import Job, Reason, State
from agent.jobs.jobs import Jobs

STATUS = {
    State.PENDING: "Waiting to be processed",
    State.PROGRESS: "Executing behavior...",
    State.SUCCESS: "Behavior completed",
    State.FAILURE: "Behavior failed",
}


class Triggers:
    """Runs the behaviours of deployments as jobs."""

    def __init__(self, deployments: Deployments, jobs: Jobs) -> None:
        self.deployments = deployments
        self._jobs = jobs

    def __repr__(self) -> str:
        return f"<Triggers of {self.deployments!r}>"

    async def trigger(
        self, deployment_id: str, number: str, *, async_execution: bool | None = None
    ) -> dict[str, Any]:
        """Run a behaviour.

        Args:
            deployment_id: of the deployment.
            number: of the behaviour in it.
            async_execution: answer at once, with a task to look at; what is heavy does so if this
                is left out. Else the answer comes with the result.

        Raises:
            DeploymentNotFoundError: there is no such deployment, or behaviour in it.
            BehaviorError: the behaviour is gone, or its input is none any more.
            JobError: the job cannot be made.
        """
        step = (await self.deployments.get(deployment_id)).step(number)
        chosen = self.deployments.behaviors.get(step.behavior)
        await asyncio.to_thread(chosen.checked, step.input)  # it may be large
        job = await self._submitted(deployment_id, number, chosen, step.input)
        in_background = chosen.is_heavy if async_execution is None else async_execution
        if in_background:
            return {
                "behavior_number": number,
                "task_id": job.id,
                "status": job.state.value,
                "message": "Behavior execution started. Use task ID to check progress.",
            }
        try:
            ended = await self._jobs.wait(job.id)
        except BaseException:
            await self._jobs.cancel(job.id)  # nobody would see what comes of it
            raise
        return _outcome(number, ended)

    async def status(self, deployment_id: str, task_id: str) -> dict[str, Any]:
        """Say where a task is.

        Raises:
            JobNotFoundError: the deployment has no such task, or it is not remembered any more.
        """
        job = await self._own(deployment_id, task_id)
        return {
            "task_id": job.id,
            "state": job.state.value,
            "status": _status(job),
            "progress": round(job.percent),
            "stage": job.stage,
            "result": job.result,
            "error": job.error or None,
        }

    async def cancel(self, deployment_id: str, task_id: str) -> dict[str, Any]:
        """Cancel a task.

        Raises:
            JobNotFoundError: the deployment has no such task, or it is not remembered any more.
        """
        await self._own(deployment_id, task_id)
        job = await self._jobs.cancel(task_id)
        is_being_cancelled = job.cancel_asked and not job.is_ended
        cancelled = is_being_cancelled or job.reason is Reason.CANCELLED
        message = (
            f"Task {task_id} has been cancelled"
            if cancelled
            else f"Task {task_id} had ended before: {job.state.value}"
        )
        return {"message": message, "task_id": task_id, "cancelled": cancelled}

    async def _submitted(
        self, deployment_id: str, number: str, chosen: Behavior, given: dict[str, Any]
    ) -> Job:
        payload = {
            "deployment": deployment_id,
            "number": number,
            "reference": chosen.reference,
            "input": given,
        }
        kind = kind_for(chosen)
        terms = replace(
            kind.terms, soft_seconds=chosen.soft_seconds, hard_seconds=chosen.hard_seconds
        )
        return await self._jobs.submit(kind.name, payload, terms=terms)

    async def _own(self, deployment_id: str, task_id: str) -> Job:
        job = await self._jobs.get(task_id)
        payload = job.payload if isinstance(job.payload, dict) else {}
        if payload.get("deployment") != deployment_id:
            raise JobNotFoundError(f"deployment {deployment_id!r} has no task {task_id!r}")
        return job


def _status(job: Job) -> str:
    if job.cancel_asked and not job.is_ended:
        return "Being cancelled"
    if job.reason is Reason.CANCELLED:
        return "Cancelled"
    return STATUS[job.state]


def _outcome(number: str, job: Job) -> dict[str, Any]:
    """Give a behaviour's result as the synchronous form has it."""
    took = max(0.0, (job.ended or job.created) - job.created)  # the clock may have been set back
    told = {
        "behavior_number": number,
        "success": job.state is State.SUCCESS,
        "execution_time": str(timedelta(seconds=took)),
    }
    if job.state is State.SUCCESS:
        return {**told, **job.result, **told}  # in this order, and nothing of it overwritten
    empty: dict[str, Any] = {"groups": {}, "explanations": {}, "metadata": {}}
    return {**told, **empty, "error": job.error, "reason": job.reason and job.reason.value}
