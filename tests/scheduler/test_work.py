"""Work that outlives its call: threads, coroutines that clean up, processes that are killed."""

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from scheduler import Outcome, ParallelExecutor, ToolTask
from scheduler.work import OutOfTimeError, in_thread, in_time
from tests.clock import run
from tests.scheduler import pool_work
from tests.scheduler.stage import Stage, is_clean, staged


def under_a_call(work, **settings):
    """Run `work(call)` as a call's run on the virtual clock; give its result."""

    async def main():
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks, **settings)
            task = stage.call("call", run=work)
        await stage.scheduler.drained()
        assert is_clean(stage.scheduler)
        return task.result()

    return run(main())


class TestTimeLimit:
    def test_work_in_time_gives_its_result(self):
        assert under_a_call(lambda call: in_time(call, asyncio.sleep(5, "ok"), 10, 1)) == "ok"

    def test_no_limit_is_no_limit(self):
        assert under_a_call(lambda call: in_time(call, asyncio.sleep(5, "ok"), None, 1)) == "ok"

    def test_work_over_its_time_is_cancelled_and_keeps_the_place_until_it_has_cleaned_up(self):
        async def main():
            async with asyncio.TaskGroup() as tasks:
                stage = Stage(tasks, grace=100)

                async def slow():
                    try:
                        await asyncio.sleep(50)
                    finally:
                        await asyncio.sleep(7)
                        stage.note("cleaned up")

                async def limited(call):
                    with pytest.raises(OutOfTimeError, match="over the limit of 10 s"):
                        await in_time(call, slow(), 10, 1)
                    stage.note("answered")

                stage.call("slow", run=limited)
                stage.call("next")
            return stage

        stage = run(main())
        assert stage.diary[:3] == [(10, "answered"), (17, "cleaned up"), (17, "next runs")]

    def test_a_cancellation_waits_for_the_clean_up_but_not_for_ever(self):
        async def main(patience):
            ended = []

            async def slow():
                try:
                    await asyncio.sleep(50)
                finally:
                    await asyncio.sleep(7)
                    ended.append(True)

            async with asyncio.TaskGroup() as tasks:
                stage = Stage(tasks, grace=100)
                task = stage.call("slow", run=lambda call: in_time(call, slow(), None, patience))
                asyncio.get_running_loop().call_later(3, task.cancel)
            result = asyncio.get_running_loop().time(), list(ended)
            await stage.scheduler.drained()
            assert ended == [True]
            return result

        assert run(main(patience=20)) == (10, [True])
        assert run(main(patience=2)) == (5, [])

    def test_an_exception_after_the_limit_is_nobodys_and_not_reported_as_lost(self, caplog):
        async def spiteful():
            try:
                await asyncio.sleep(50)
            finally:
                raise ValueError("too late")

        async def limited(call):
            with pytest.raises(OutOfTimeError):
                await in_time(call, spiteful(), 10, 1)

        under_a_call(limited)
        assert not caplog.text


class TestThreads:
    async def test_a_thread_sees_the_callers_context_and_its_exception_comes_back(self):
        variable = contextvars.ContextVar("variable", default="unset")

        def look():
            return variable.get(), threading.current_thread().daemon

        def fail():
            raise LookupError("in the thread")

        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks)

            async def work(call):
                variable.set("set")
                with pytest.raises(LookupError, match="in the thread"):
                    await in_thread(call, fail)
                return await in_thread(call, look)

            result = stage.call("look", run=work)
        assert result.result() == ("set", True)

    async def test_a_cancelled_call_keeps_its_place_until_its_thread_has_ended(self):
        gate, started = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang():
            loop.call_soon_threadsafe(started.set)
            gate.wait()

        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks, grace=3600)
            hung = stage.call("hang", run=lambda call: in_thread(call, hang))
            behind = stage.call("behind", lasts=0)
            await started.wait()
            hung.cancel()
            await asyncio.wait({hung})
            assert hung.cancelled()
            assert not behind.done()
            gate.set()
            assert await behind == "behind"
        assert is_clean(stage.scheduler)

    def test_a_thread_that_outlives_its_loop_harms_nothing(self):
        gate, over = threading.Event(), threading.Event()

        def hang():
            gate.wait()
            over.set()

        async def main():
            tasks = [ToolTask("hang", hang, {}, timeout=0.01)]
            return await ParallelExecutor().execute_parallel(tasks)

        assert asyncio.run(main())["hang"]["error"] == "timed out after 0.01 s"
        gate.set()
        assert over.wait(10)


async def told(pipe: Path) -> list[psutil.Process]:
    """Wait for process ids in a pipe of the file system."""
    return await asyncio.to_thread(
        lambda: [psutil.Process(int(pid)) for pid in pipe.read_text().split()]
    )


async def are_gone(processes: list[psutil.Process]) -> bool:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, 10)
    return not alive


class TestProcesses:
    @pytest.fixture
    def pipe(self, tmp_path):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        return path

    async def test_a_cancelled_function_is_killed_with_its_children(self, pipe):
        tasks = [
            ToolTask("hang", pool_work.hang_with_child, {"told": str(pipe)}, cpu_bound=True),
            ToolTask("behind", asyncio.sleep, {"delay": 0}, depends_on=["hang"]),
        ]
        batch = asyncio.create_task(ParallelExecutor().execute_with_dependencies(tasks))
        processes = await told(pipe)
        batch.cancel()
        await asyncio.wait({batch})
        assert await are_gone(processes)
        assert tasks[0].error == "the batch was cancelled"

    async def test_a_timeout_kills_what_computes_and_does_not_listen_to_signals(self, pipe):
        hang = {"told": str(pipe)}
        tasks = [ToolTask("hang", pool_work.compute_with_child, hang, cpu_bound=True, timeout=2)]
        batch = asyncio.create_task(ParallelExecutor().execute_parallel(tasks))
        processes = await told(pipe)
        results = await batch
        assert results["hang"]["error"] == "timed out after 2 s"
        assert await are_gone(processes)

    async def test_what_cannot_cross_to_another_process_fails_alone_and_says_so(self):
        tasks = [
            ToolTask("there", pool_work.multiply, {"x": threading.Lock(), "y": 1}, cpu_bound=True),
            ToolTask("back", pool_work.give_a_lock, cpu_bound=True),
            ToolTask("odd", pool_work.raise_what_cannot_be_restored, cpu_bound=True),
            ToolTask("interrupt", pool_work.interrupt, cpu_bound=True),
            ToolTask("good", pool_work.multiply, {"x": 2, "y": 3}, cpu_bound=True),
        ]
        results = await ParallelExecutor(max_concurrency=2).execute_parallel(tasks)
        assert results["there"]["error"].startswith("it cannot be sent to a process: TypeError")
        assert results["back"]["error"].startswith("its result cannot be sent back: TypeError")
        assert results["odd"]["error"] == "OddError: one two"
        assert results["interrupt"]["error"] == "KeyboardInterrupt"
        assert results["good"]["output"] == 6

    async def test_a_fork_that_comes_back_and_a_worker_that_dies_idle_harm_nobody(self):
        executor = ParallelExecutor(max_concurrency=1)
        tasks = [ToolTask("fork", pool_work.fork, cpu_bound=True)]
        tasks += [
            ToolTask(f"t{n}", pool_work.multiply, {"x": n, "y": 1}, cpu_bound=True)
            for n in range(4)
        ]
        results = await executor.execute_parallel(tasks)
        assert [results[f"t{n}"]["output"] for n in range(4)] == [0, 1, 2, 3]
        assert results["fork"]["output"] == "forked"

    def test_workers_end_with_a_parent_that_is_killed(self, pipe):
        program = (
            "import asyncio; from scheduler import ParallelExecutor, ToolTask; "
            "from tests.scheduler import pool_work; "
            f"task = ToolTask('t', pool_work.hang_with_child, {{'told': {str(pipe)!r}}}, "
            "cpu_bound=True); asyncio.run(ParallelExecutor().execute_parallel([task]))"
        )
        root = Path(__file__).parent.parent.parent
        parent = subprocess.Popen([sys.executable, "-c", program], cwd=root)
        processes = [psutil.Process(int(pid)) for pid in pipe.read_text().split()]
        parent.kill()
        parent.wait()
        assert not psutil.wait_procs(processes, 10)[1]

    async def test_workers_are_used_again_and_none_is_left(self):
        before = set(psutil.Process().children(recursive=True))
        tasks = [ToolTask(f"t{n}", os.getpid, cpu_bound=True) for n in range(6)]
        results = await ParallelExecutor(max_concurrency=2).execute_parallel(tasks)
        workers = {result["output"] for result in results.values()}
        assert len(workers) <= 2
        after = set(psutil.Process().children(recursive=True)) - before
        assert not workers & {process.pid for process in after}

    async def test_when_one_fails_fast_the_computing_others_are_killed(self, pipe):
        processes = []

        async def fail():
            processes.extend(await told(pipe))
            raise ValueError("enough")

        tasks = [
            ToolTask("hang", pool_work.hang_with_child, {"told": str(pipe)}, cpu_bound=True),
            ToolTask("fail", fail),
        ]
        results = await ParallelExecutor().execute_parallel(tasks, fail_fast=True)
        assert results["hang"]["status"] == "cancelled"
        assert await are_gone(processes)

    async def test_results_errors_and_a_worker_that_vanishes_are_told_apart(self):
        tasks = [
            ToolTask("multiply", pool_work.multiply, {"x": 6, "y": 7}, cpu_bound=True),
            ToolTask("fail", pool_work.fail, {"why": "no reason"}, cpu_bound=True),
            ToolTask("vanish", pool_work.vanish, cpu_bound=True),
        ]
        results = await ParallelExecutor().execute_parallel(tasks)
        assert results["multiply"]["output"] == 42
        assert results["fail"]["error"] == "LookupError: no reason"
        assert results["vanish"]["error"] == "its process ended without an answer (exit code 7)"


class TestGivenUp:
    def test_a_call_that_is_given_up_counts_as_over_and_keeps_its_place_until_its_task_is_done(
        self,
    ):
        async def slow(call):
            asyncio.get_running_loop().call_later(5, call.give_up)
            await asyncio.sleep(20)

        async def main(stage):
            stage.call("slow", run=slow)
            stage.call("next")

        stage = staged(main, grace=100)
        slow_call = stage.record("slow")
        assert (slow_call.finished, slow_call.stopped) == (5, 20)
        assert stage.record("next").started == 20

    def test_what_conflicts_with_it_is_refused_after_the_grace(self):
        async def slow(call):
            call.give_up()
            call.give_up()  # twice is harmless
            await asyncio.sleep(20)

        async def main(stage):
            stage.call("slow", run=slow)
            stage.call("next")

        stage = staged(main, grace=5)
        assert stage.record("next").outcome is Outcome.RESOURCE_BUSY

    def test_giving_up_a_call_that_is_over_changes_nothing(self):
        async def quick(call):
            calls.append(call)

        async def main(stage):
            await stage.call("quick", run=quick)
            calls[0].give_up()

        calls = []
        assert staged(main).record("quick").outcome is Outcome.FINISHED
