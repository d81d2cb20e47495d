"""The founding acceptance list of the executor, and what it still wished for."""

import asyncio
import contextlib
import functools
import itertools
import logging
import os
import threading

import pytest

from scheduler import (
    Access,
    CycleError,
    DuplicateNameError,
    ParallelExecutor,
    PlanError,
    TaskStatus,
    ToolTask,
    UnknownDependencyError,
    certify,
)
from tests.clock import run


def nap(units, answer="done"):
    """A coroutine function that takes so many units of the virtual clock."""

    async def sleep():
        await asyncio.sleep(units)
        return answer

    return sleep


async def explode():
    raise RuntimeError("no such luck")


def elapsed(executor):
    return executor.statistics.elapsed


class TestAcceptance:
    def test_six_tasks_of_250_take_250_with_six_slots(self):
        executor = ParallelExecutor(max_concurrency=6)
        tasks = [ToolTask(name=f"t{n}", func=nap(250), kwargs={}) for n in range(6)]
        results = run(executor.execute_parallel(tasks))
        assert [result["status"] for result in results.values()] == ["success"] * 6
        assert elapsed(executor) == 250
        assert executor.statistics.speedup == 6.0

    def test_the_concurrency_limit_holds(self):
        peak = 0
        now = 0

        async def count():
            nonlocal peak, now
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(10)
            now -= 1

        executor = ParallelExecutor(max_concurrency=2)
        run(executor.execute_parallel([ToolTask(f"t{n}", count) for n in range(6)]))
        assert (peak, elapsed(executor)) == (2, 30)

    def test_a_task_runs_after_those_it_depends_on_and_beside_the_others(self):
        executor = ParallelExecutor()
        tasks = [
            ToolTask("run_tests", nap(20), {}, depends_on=["format_code"]),
            ToolTask("format_code", nap(10), {}),
            ToolTask("git_status", nap(25), {}),
        ]
        results = run(executor.execute_with_dependencies(tasks))
        assert list(results) == ["run_tests", "format_code", "git_status"]
        assert elapsed(executor) == 30
        began = {record.name: record.started for record in executor.records}
        assert began == {"format_code": 0, "git_status": 0, "run_tests": 10}

    def test_one_failure_leaves_the_others_alone(self):
        tasks = [ToolTask("bad", explode), ToolTask("good", nap(5))]
        results = run(ParallelExecutor().execute_parallel(tasks))
        assert results["bad"] == {
            "status": "failed",
            "output": None,
            "error": "RuntimeError: no such luck",
            "exit_code": None,
            "duration": 0.0,
        }
        assert results["good"]["output"] == "done"
        assert [task.status for task in tasks] == [TaskStatus.FAILED, TaskStatus.COMPLETED]
        assert (tasks[1].result, tasks[1].error, tasks[1].duration) == (results["good"], None, 5)

    def test_a_dictionary_with_a_status_is_the_result_itself(self):
        async def own(status, **more):
            return {"status": status, "output": "text", **more}

        tasks = [
            ToolTask("ok", own, {"status": "success", "exit_code": 0, "lines": 3}),
            ToolTask("bad", own, {"status": "failed", "exit_code": 2}),
            ToolTask("plain", functools.partial(asyncio.sleep, 0), {"result": {"answer": 42}}),
        ]
        results = run(ParallelExecutor().execute_parallel(tasks))
        assert results["ok"]["lines"] == 3
        assert (tasks[1].status, tasks[1].error) == (TaskStatus.FAILED, "exit code 2")
        assert results["plain"]["output"] == {"answer": 42}

    def test_a_timeout_ends_the_work(self):
        ended = []

        async def hang():
            try:
                await asyncio.sleep(1_000)
            finally:
                ended.append("hang")

        executor = ParallelExecutor()
        results = run(executor.execute_parallel([ToolTask("hang", hang, {}, timeout=30)]))
        assert results["hang"]["status"] == "failed"
        assert results["hang"]["error"] == "timed out after 30 s"
        assert (ended, elapsed(executor)) == (["hang"], 30)

    def test_a_timeout_error_of_its_own_is_not_taken_for_the_limit(self):
        async def inner():
            raise TimeoutError("the server was slow")

        results = run(ParallelExecutor().execute_parallel([ToolTask("t", inner)]))
        assert results["t"]["error"] == "TimeoutError: the server was slow"

    def test_work_that_ignores_its_cancellation_does_not_hold_up_the_result_for_ever(self):
        async def stubborn():
            for _ in range(3):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(100)

        executor = ParallelExecutor(grace=5)
        results = run(executor.execute_parallel([ToolTask("stubborn", stubborn, {}, timeout=10)]))
        assert results["stubborn"]["error"] == "timed out after 10 s"
        assert elapsed(executor) == 10

    def test_fail_fast_stops_what_runs_and_what_waits(self):
        async def fail_at_ten():
            await asyncio.sleep(10)
            raise ValueError("first")

        tasks = [
            ToolTask("runs", nap(100)),
            ToolTask("fails", fail_at_ten),
            ToolTask("waits", nap(1)),
        ]
        executor = ParallelExecutor(max_concurrency=2)
        results = run(executor.execute_parallel(tasks, fail_fast=True))
        why = "task 'fails' failed, and fail_fast is set"
        assert {name: result["status"] for name, result in results.items()} == {
            "runs": "cancelled",
            "fails": "failed",
            "waits": "cancelled",
        }
        assert results["runs"]["error"] == results["waits"]["error"] == why
        assert (tasks[0].duration, tasks[2].duration, elapsed(executor)) == (10, None, 10)

    def test_the_highest_priority_goes_first_wherever_it_stands_in_the_list(self):
        order = []

        async def note(name):
            order.append(name)
            await asyncio.sleep(1)

        tasks = [
            ToolTask(name, note, {"name": name}, priority=priority)
            for name, priority in [("first", 0), ("low", -1), ("high", 5), ("middle", 1)]
        ]
        run(ParallelExecutor(max_concurrency=1).execute_parallel(tasks))
        assert order == ["high", "middle", "first", "low"]


class TestBadFunctions:
    def test_one_that_cancels_itself_is_cancelled_and_those_behind_it_are_not_run(self):
        async def cancel_itself():
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        tasks = [
            ToolTask("itself", cancel_itself),
            ToolTask("behind", nap(1), {}, depends_on=["itself"]),
            ToolTask("beside", nap(1)),
        ]
        results = run(ParallelExecutor().execute_with_dependencies(tasks))
        assert results["itself"]["error"] == "it was cancelled from within"
        assert results["behind"]["error"] == "not run: its dependency 'itself' was not run"
        assert results["beside"]["status"] == "success"

    def test_one_that_the_scheduler_does_not_run_says_why_and_those_behind_it_are_not_run(self):
        file = Access(writes=frozenset({("file", "a")}))

        async def stubborn():
            for _ in range(9):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(100)

        tasks = [
            ToolTask("stubborn", stubborn, {}, timeout=1, access=file),
            ToolTask("busy", nap(1), access=file),
            ToolTask("behind", nap(1), {}, depends_on=["busy"]),
        ]
        results = run(ParallelExecutor(grace=2).execute_with_dependencies(tasks))
        assert "needs what 'stubborn' still uses" in results["busy"]["error"]
        assert results["behind"]["error"] == "not run: its dependency 'busy' was not run"

    @pytest.mark.parametrize(
        "value",
        [{"status": {"phase": "Running"}}, {"status": 3}, {"status": "fine"}, ["status"], None],
    )
    def test_a_status_that_is_not_one_of_ours_is_a_part_of_the_output(self, value):
        results = run(ParallelExecutor().execute_parallel([ToolTask("t", nap(0, value))]))
        assert (results["t"]["status"], results["t"]["output"]) == ("success", value)

    def test_exceptions_that_break_when_looked_at_are_results_like_others(self):
        class MuteError(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        class StrangeError(BaseException):
            pass

        async def fail(error):
            raise error

        tasks = [
            ToolTask("mute", fail, {"error": MuteError()}),
            ToolTask("strange", fail, {"error": StrangeError("odd")}),
            ToolTask("exit", fail, {"error": GeneratorExit()}),
            ToolTask("good", nap(1)),
        ]
        results = run(ParallelExecutor().execute_parallel(tasks))
        assert {name: result["error"] for name, result in results.items()} == {
            "mute": "MuteError: (its text cannot be had)",
            "strange": "RuntimeError: it raised StrangeError: odd",
            "exit": "RuntimeError: it raised GeneratorExit",
            "good": None,
        }

    async def test_the_same_holds_in_threads(self):
        class StrangeError(BaseException):
            def __repr__(self):
                raise RuntimeError("no text")

            __str__ = __repr__

        def fail():
            raise StrangeError

        results = await ParallelExecutor().execute_parallel([ToolTask("t", fail)])
        assert results["t"]["error"].startswith("RuntimeError: it raised StrangeError")


class TestBatches:
    def test_batches_of_one_executor_share_its_slots_and_exclude_each_other(self):
        peak = now = 0

        async def count():
            nonlocal peak, now
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(10)
            now -= 1

        file = Access(writes=frozenset({("file", "a")}))

        async def main(access):
            executor = ParallelExecutor(max_concurrency=2)
            batches = [[ToolTask(f"t{n}", count, access=access) for n in range(2)] for _ in "abc"]
            async with asyncio.TaskGroup() as group:
                for batch in batches:
                    group.create_task(executor.execute_parallel(batch))
            assert len(executor.records) == 2

        run(main(None))
        assert peak == 2
        peak = 0
        run(main(file))
        assert peak == 1

    def test_an_executor_works_on_one_loop_after_the_other(self):
        executor = ParallelExecutor()
        for _ in range(2):
            results = run(executor.execute_parallel([ToolTask("t", nap(3))]))
            assert results["t"]["duration"] == 3

    def test_any_iterable_of_tasks_will_do_and_is_not_kept(self):
        tasks = [ToolTask("a", nap(1)), ToolTask("b", nap(1))]

        async def clear():
            tasks.clear()

        tasks.append(ToolTask("clear", clear))
        assert set(run(ParallelExecutor().execute_parallel(tasks))) == {"a", "b", "clear"}
        lazily = (ToolTask(name, nap(1)) for name in "ab")
        assert set(run(ParallelExecutor().execute_parallel(lazily))) == {"a", "b"}


class TestDependencies:
    def test_a_task_whose_dependency_failed_is_not_run_and_says_so(self):
        tasks = [
            ToolTask("after", nap(1), {}, depends_on=["bad"]),
            ToolTask("bad", explode),
            ToolTask("last", nap(1), {}, depends_on=["after"]),
            ToolTask("other", nap(3)),
        ]
        executor = ParallelExecutor()
        results = run(executor.execute_with_dependencies(tasks))
        assert results["after"]["status"] == "cancelled"
        assert results["after"]["error"] == (
            "not run: its dependency 'bad' failed (RuntimeError: no such luck)"
        )
        assert results["last"]["error"] == "not run: its dependency 'after' was not run"
        assert results["other"]["status"] == "success"
        assert tasks[0].duration is None

    def test_a_long_chain_behind_a_failure_is_skipped_to_its_end(self):
        tasks = [ToolTask("t0", explode)]
        tasks += [ToolTask(f"t{n}", nap(1), {}, depends_on=[f"t{n - 1}"]) for n in range(1, 3_000)]
        results = run(ParallelExecutor().execute_with_dependencies(tasks))
        assert results["t2999"]["status"] == "cancelled"
        assert results["t2999"]["error"] == "not run: its dependency 't2998' was not run"

    def test_the_plan_can_be_asked_for_before_running(self):
        tasks = [
            ToolTask("d", nap(1), {}, depends_on=["b", "c"]),
            ToolTask("a", nap(1)),
            ToolTask("b", nap(1), {}, depends_on=["a"]),
            ToolTask("c", nap(1), {}, depends_on=["a"]),
            ToolTask("e", nap(1)),
        ]
        assert ParallelExecutor().execution_plan(tasks) == [["a", "e"], ["b", "c"], ["d"]]
        assert tasks[0].status is TaskStatus.PENDING
        assert ParallelExecutor().execution_plan([]) == []

    def test_a_cycle_is_an_error_that_names_it_and_nothing_runs(self):
        ran = []
        tasks = [
            ToolTask("free", lambda: ran.append(1)),
            ToolTask("a", nap(1), {}, depends_on=["c"]),
            ToolTask("b", nap(1), {}, depends_on=["a"]),
            ToolTask("c", nap(1), {}, depends_on=["b"]),
        ]
        with pytest.raises(CycleError, match="circular dependency: ") as caught:
            run(ParallelExecutor().execute_with_dependencies(tasks))
        cycle = caught.value.cycle
        assert cycle[0] == cycle[-1]
        assert set(cycle) == {"a", "b", "c"}
        depends = {task.name: task.depends_on for task in tasks}
        assert all(two in depends[one] for one, two in itertools.pairwise(cycle))
        assert not ran

    def test_a_task_that_depends_on_itself_is_a_cycle(self):
        with pytest.raises(CycleError, match="a -> a"):
            ParallelExecutor().execution_plan([ToolTask("a", nap(1), {}, depends_on=["a"])])

    def test_an_unknown_dependency_is_an_error_that_names_it(self):
        with pytest.raises(UnknownDependencyError, match=r"'a' depends on 'x'.*there are: a, b"):
            ParallelExecutor().execution_plan(
                [ToolTask("a", nap(1), {}, depends_on=["x"]), ToolTask("b", nap(1))]
            )

    def test_a_duplicate_name_is_an_error_that_names_it(self):
        with pytest.raises(DuplicateNameError, match="two tasks are named 'a'"):
            run(ParallelExecutor().execute_parallel([ToolTask("a", nap(1)), ToolTask("a", nap(1))]))

    def test_execute_parallel_refuses_tasks_with_dependencies(self):
        tasks = [ToolTask("a", nap(1)), ToolTask("b", nap(1), {}, depends_on=["a"])]
        with pytest.raises(PlanError, match="run it with execute_with_dependencies"):
            run(ParallelExecutor().execute_parallel(tasks))

    def test_conflicting_tasks_run_in_topological_then_list_order(self):
        order = []

        async def note(name):
            order.append(name)
            await asyncio.sleep(1)

        file = Access(writes=frozenset({("file", "a")}))
        tasks = [
            ToolTask("late", note, {"name": "late"}, depends_on=["z"], access=file),
            ToolTask("a", note, {"name": "a"}, access=file),
            ToolTask("z", note, {"name": "z"}, access=file),
            ToolTask("b", note, {"name": "b"}, access=file),
        ]
        executor = ParallelExecutor()
        run(executor.execute_with_dependencies(tasks))
        assert order == ["a", "z", "late", "b"]
        assert certify(executor.records).is_serial


class TestFunctions:
    async def test_partials_coroutine_functions_plain_functions_and_callables_all_work(self):
        async def coroutine(x, y):
            return x + y

        def plain(x, y):
            return threading.current_thread() is not threading.main_thread(), x * y

        class Adder:
            async def __call__(self, x):
                return x + 1

        tasks = [
            ToolTask("coroutine", coroutine, {"x": 1, "y": 2}),
            ToolTask("partial", functools.partial(coroutine, 1), {"y": 5}),
            ToolTask("plain", plain, {"x": 3, "y": 4}),
            ToolTask("plain partial", functools.partial(plain, y=2), {"x": 3}),
            ToolTask("object", Adder(), {"x": 1}),
            ToolTask("lambda", lambda: coroutine(2, 2)),
        ]
        results = await ParallelExecutor().execute_parallel(tasks)
        assert {name: result["output"] for name, result in results.items()} == {
            "coroutine": 3,
            "partial": 6,
            "plain": (True, 12),
            "plain partial": (True, 6),
            "object": 2,
            "lambda": 4,
        }

    async def test_wrong_arguments_and_exits_are_results(self):
        async def leave():
            raise SystemExit(3)

        tasks = [
            ToolTask("arguments", nap(1), {"unknown": 1}),
            ToolTask("exit", leave),
            ToolTask("exit in a thread", lambda: (_ for _ in ()).throw(SystemExit(3))),
        ]
        results = await ParallelExecutor().execute_parallel(tasks)
        assert "unexpected keyword argument 'unknown'" in results["arguments"]["error"]
        assert results["exit"]["error"] == "RuntimeError: it raised SystemExit: 3"
        assert results["exit in a thread"]["error"] == "RuntimeError: it raised SystemExit: 3"

    async def test_a_thread_that_outlives_its_timeout_is_answered_at_once(self):
        gate = threading.Event()
        tasks = [ToolTask("thread", gate.wait, {}, timeout=0.01), ToolTask("next", nap(0))]
        results = await ParallelExecutor().execute_parallel(tasks)
        gate.set()
        assert results["thread"]["error"] == "timed out after 0.01 s"
        assert results["next"]["status"] == "success"

    async def test_cpu_bound_functions_run_in_processes_of_their_own(self):
        tasks = [ToolTask(f"p{n}", os.getpid, cpu_bound=True) for n in range(2)]
        tasks.append(ToolTask("unpicklable", lambda: 1, cpu_bound=True))
        results = await ParallelExecutor(max_concurrency=2).execute_parallel(tasks)
        assert os.getpid() not in {results["p0"]["output"], results["p1"]["output"]}
        assert results["unpicklable"]["status"] == "failed"
        assert results["unpicklable"]["error"].startswith("it cannot be sent to a process: ")


class TestCaching:
    def test_a_pure_task_is_skipped_when_its_result_is_cached(self):
        runs = []

        async def double(x):
            runs.append(x)
            return 2 * x

        executor = ParallelExecutor()
        for _ in range(2):
            tasks = [ToolTask(f"d{x}", double, {"x": x}, pure=True) for x in (1, 2)]
            results = run(executor.execute_parallel(tasks))
            assert [result["output"] for result in results.values()] == [2, 4]
        assert runs == [1, 2]
        assert results["d1"]["cached"]
        assert executor.statistics.cached == 2

    def test_other_arguments_other_functions_and_failures_are_not_taken_from_the_cache(self):
        runs = []

        async def fail(x):
            runs.append(x)
            raise ValueError(x)

        executor = ParallelExecutor()
        for _ in range(2):
            run(executor.execute_parallel([ToolTask("f", fail, {"x": 1}, pure=True)]))
        partial = functools.partial(nap(0, "partial"))
        run(executor.execute_parallel([ToolTask("g", partial, {}, pure=True)]))
        results = run(executor.execute_parallel([ToolTask("h", nap(0, "h"), {}, pure=True)]))
        assert runs == [1, 1]
        assert results["h"]["output"] == "h"

    def test_whoever_changes_a_result_changes_only_their_own(self):
        executor = ParallelExecutor()
        for _ in range(2):
            results = run(executor.execute_parallel([ToolTask("t", nap(0, [1]), {}, pure=True)]))
            results["t"]["output"].append(2)
            assert results["t"]["output"] == [1, 2]

    def test_a_task_that_is_not_pure_runs_every_time(self):
        runs = []
        executor = ParallelExecutor()
        for _ in range(2):
            run(executor.execute_parallel([ToolTask("t", lambda: runs.append(1))]))
        assert runs == [1, 1]


class TestReports:
    def test_progress_tells_done_running_and_an_estimate_of_the_time_left(self):
        seen = []
        executor = ParallelExecutor(max_concurrency=2, on_progress=seen.append)
        run(executor.execute_parallel([ToolTask(f"t{n}", nap(10)) for n in range(4)]))
        assert seen[0].remaining is None
        assert [(each.done, each.running, each.total) for each in seen] == [
            (0, 1, 4),
            (0, 2, 4),
            (1, 1, 4),
            (2, 0, 4),
            (2, 1, 4),
            (2, 2, 4),
            (3, 1, 4),
            (4, 0, 4),
        ]
        assert [each.remaining for each in seen[2:]] == [15, 10, 10, 10, 10, 0]
        assert seen[-1].elapsed == 20

    def test_a_listener_that_fails_harms_nothing(self, caplog):
        executor = ParallelExecutor(on_progress=lambda _: 1 / 0)
        results = run(executor.execute_parallel([ToolTask("t", nap(1))]))
        assert results["t"]["status"] == "success"
        assert "on_progress failed" in caplog.text

    def test_statistics_are_logged_when_verbose(self, caplog):
        caplog.set_level(logging.INFO, logger="scheduler")
        tasks = [ToolTask("good", nap(10)), ToolTask("bad", explode)]
        run(ParallelExecutor(verbose=True).execute_parallel(tasks))
        assert "task bad: RuntimeError: no such luck" in caplog.text
        assert "1 completed, 1 failed, 0 cancelled, 0 from the cache" in caplog.text
        assert "good: completed, 10.000 s" in caplog.text
        caplog.clear()
        run(ParallelExecutor().execute_parallel(tasks))
        assert not caplog.text

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"name": ""}, "a string that is not empty"),
            ({"name": "t", "func": 3}, "func must be callable; got 3"),
            ({"name": "t", "depends_on": "a"}, r"write \['a'\]"),
            ({"name": "t", "timeout": 0}, "a number of seconds above 0"),
            ({"name": "t", "func": lambda: (yield)}, "func is a generator function"),
            ({"name": "t", "cpu_bound": True}, "a cpu_bound func is a plain function"),
        ],
    )
    def test_a_task_that_cannot_work_is_refused_when_it_is_made(self, wrong, message):
        with pytest.raises((TypeError, ValueError), match=message):
            ToolTask(**{"func": explode, **wrong})

    def test_a_limit_below_one_is_refused(self):
        with pytest.raises(ValueError, match="max_concurrency is at least 1; got 0"):
            ParallelExecutor(max_concurrency=0)
