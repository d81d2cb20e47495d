"""A journal: appending, flushing, closing."""

import asyncio
import threading

import pytest

from agent.errors import JournalError
from agent.session.journal import Journal, read
from agent.session.lines import NotAnEntryError, decode

from .disks import StagedDisk


def notes(first, last):
    return [{"type": "note", "nr": number} for number in range(first, last)]


async def entries(path):
    return (await read(path)).entries


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes.jsonl"


async def test_what_was_appended_and_flushed_is_there_when_it_is_opened_again(path):
    async with await Journal.open(path, create=True) as journal:
        assert [journal.append(entry) for entry in notes(0, 3)] == [0, 1, 2]
        assert repr(journal) == "<Journal notes.jsonl 3 entries, 3 unsynced>"
        await journal.flush()
        assert repr(journal) == "<Journal notes.jsonl 3 entries, 0 unsynced>"
    assert repr(journal) == "<Journal notes.jsonl 3 entries, 0 unsynced, closed>"
    async with await Journal.open(path, create=False) as journal:
        assert journal.entries == notes(0, 3)
        assert journal.set_aside is None
        assert journal.append({"type": "note", "nr": 3}) == 3
        assert journal.take_entries() == notes(0, 3)
        assert journal.entries == []
    assert await entries(path) == notes(0, 4)


async def test_an_entry_is_taken_as_it_is_when_it_is_appended(path):
    async with await Journal.open(path, create=True) as journal:
        entry = {"type": "note", "list": [1]}
        journal.append(entry)
        entry["list"] = [2]
    assert await entries(path) == [{"type": "note", "list": [1]}]


async def test_what_cannot_be_an_entry_changes_nothing(path):
    async with await Journal.open(path, create=True) as journal:
        with pytest.raises(NotAnEntryError):
            journal.append({"type": "note", "nr": float("nan")})
        assert journal.append({"type": "note", "nr": 0}) == 0
    assert await entries(path) == notes(0, 1)


async def test_each_line_tells_how_many_entries_were_safe_when_it_was_appended(path):
    async with await Journal.open(path, create=True) as journal:
        for entry in notes(0, 2):
            journal.append(entry)
        await journal.flush()
        for entry in notes(2, 4):
            journal.append(entry)
    async with await Journal.open(path, create=False) as journal:
        journal.append({"type": "note", "nr": 4})
    lines = path.read_bytes().splitlines(keepends=True)
    assert [line.safe for line in map(decode, lines) if line] == [0, 0, 2, 2, 4]


async def test_all_appended_in_one_iteration_is_one_write_soon_and_not_synced(path):
    disk = StagedDisk()
    async with await Journal.open(path, create=True, disk=disk.on) as journal:
        syncs = disk.syncs
        for entry in notes(0, 200):
            journal.append(entry)
        await disk.written.wait()
        assert await entries(path) == notes(0, 200)
        assert (disk.writes, disk.syncs - syncs) == (1, 0)
        await journal.flush()
        assert (disk.writes, disk.syncs - syncs) == (1, 1)


async def test_what_is_appended_during_a_write_is_written_after_it_by_itself(path):
    disk = StagedDisk()
    disk.write_gate.clear()
    async with await Journal.open(path, create=True, disk=disk.on) as journal:
        journal.append({"type": "note", "nr": 0})
        await disk.written.wait()
        for entry in notes(1, 50):
            journal.append(entry)
        disk.written.clear()
        disk.write_gate.set()
        await disk.written.wait()
        assert await entries(path) == notes(0, 50)


async def test_a_flush_of_nothing_new_is_over_at_once(path):
    async with await Journal.open(path, create=True) as journal:
        for _ in range(2):
            with pytest.raises(StopIteration):
                journal.flush().send(None)
            journal.append({"type": "note"})
            await journal.flush()


async def test_those_who_flush_during_a_sync_share_the_next_one(path):
    disk = StagedDisk()
    async with await Journal.open(path, create=True, disk=disk.on) as journal, asyncio.timeout(10):
        disk.syncing.clear()
        disk.sync_gate.clear()
        before = disk.syncs

        async def append_and_flush(number):
            journal.append({"type": "note", "nr": number})
            await journal.flush()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(append_and_flush(0))
            await disk.syncing.wait()
            joined = tasks.create_task(journal.flush())  # All that it waits for is being synced.
            later = [tasks.create_task(append_and_flush(number)) for number in (1, 2, 3)]
            await asyncio.sleep(0)
            disk.sync_gate.set()
            await joined
            assert not any(task.done() for task in later)
        assert disk.syncs == before + 2
    assert await entries(path) == notes(0, 4)


async def test_those_who_flush_in_one_iteration_share_one_sync(path):
    disk = StagedDisk()
    async with await Journal.open(path, create=True, disk=disk.on) as journal:
        before = disk.syncs

        async def append_and_flush(entry):
            journal.append(entry)
            await journal.flush()

        await asyncio.gather(*map(append_and_flush, notes(0, 20)))
        assert (disk.syncs, disk.writes) == (before + 1, 1)


@pytest.mark.parametrize("when", ["at once", "during the sync"])
async def test_a_cancelled_flush_disturbs_nobody_and_is_done_all_the_same(path, when):
    disk = StagedDisk()
    async with await Journal.open(path, create=True, disk=disk.on) as journal:
        disk.syncing.clear()
        disk.sync_gate.clear()
        journal.append({"type": "note", "nr": 0})
        cancelled, other = (asyncio.create_task(journal.flush()) for _ in range(2))
        await (asyncio.sleep(0) if when == "at once" else disk.syncing.wait())
        cancelled.cancel()
        await asyncio.wait({cancelled})
        assert cancelled.cancelled()
        disk.sync_gate.set()
        await other
        assert repr(journal) == "<Journal notes.jsonl 1 entries, 0 unsynced>"


async def test_the_loops_thread_never_touches_the_disk(path):
    disk = StagedDisk()
    async with await Journal.open(path, create=True, disk=disk.on) as journal:
        for entry in notes(0, 3):
            journal.append(entry)
            await journal.flush()
    assert disk.threads
    assert threading.get_ident() not in disk.threads


class TestClosing:
    async def test_it_flushes_and_what_comes_later_is_refused(self, path):
        journal = await Journal.open(path, create=True)
        journal.append({"type": "note", "nr": 0})
        await asyncio.gather(journal.close(), journal.close())
        await journal.close()
        assert await entries(path) == notes(0, 1)
        await journal.flush()
        with pytest.raises(JournalError, match=r"notes.jsonl' is closed: open it again"):
            journal.append({"type": "note"})

    async def test_appending_is_over_when_closing_begins(self, path):
        disk = StagedDisk()
        journal = await Journal.open(path, create=True, disk=disk.on)
        journal.append({"type": "note", "nr": 0})
        disk.sync_gate.clear()
        disk.syncing.clear()
        closing = asyncio.create_task(journal.close())
        await disk.syncing.wait()
        with pytest.raises(JournalError, match="is closed"):
            journal.append({"type": "note"})
        with pytest.raises(JournalError, match="is closed"):
            await journal.flush()
        disk.sync_gate.set()
        await closing

    async def test_whoever_flushes_meanwhile_is_answered(self, path):
        journal = await Journal.open(path, create=True)
        journal.append({"type": "note"})
        flushing = asyncio.create_task(journal.flush())
        await asyncio.sleep(0)
        await journal.close()
        await flushing

    async def test_a_cancelled_close_lets_go_of_the_file_when_no_thread_uses_it(self, path):
        disk = StagedDisk()
        journal = await Journal.open(path, create=True, disk=disk.on)
        journal.append({"type": "note", "nr": 0})
        disk.sync_gate.clear()
        disk.syncing.clear()
        closing = asyncio.create_task(journal.close())
        await disk.syncing.wait()
        closing.cancel()
        await asyncio.wait({closing})
        assert closing.cancelled()
        assert not disk.closed.is_set()
        disk.sync_gate.set()
        assert await asyncio.to_thread(disk.closed.wait, 10)
        async with await Journal.open(path, create=False) as again:
            assert again.entries == notes(0, 1)


def test_several_loops_in_several_threads_share_the_writers(tmp_path):
    async def work(number):
        async with await Journal.open(tmp_path / f"{number}.jsonl", create=True) as journal:
            for entry in notes(0, 20):
                journal.append(entry)
                await journal.flush()

    threads = [threading.Thread(target=lambda n=n: asyncio.run(work(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        assert asyncio.run(entries(tmp_path / f"{number}.jsonl")) == notes(0, 20)
