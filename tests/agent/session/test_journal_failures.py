"""A disk that is full, fails or takes little at a time: told, and nothing is lost or doubled."""

import asyncio
import errno

import pytest

from agent.errors import JournalError
from agent.session.journal import Journal, read
from agent.session.lines import scan

from .disks import StagedDisk

FULL = "No space left on device"


def notes(first, last):
    return [{"type": "note", "nr": number} for number in range(first, last)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes.jsonl"


@pytest.fixture
async def disk():
    return StagedDisk()


async def opened(path, disk, **settings):
    return await Journal.open(path, create=True, disk=disk.on, **settings)


@pytest.mark.parametrize("most", [1, 7, 60])
async def test_short_writes_are_continued(path, disk, most):
    disk.most = most
    async with await opened(path, disk) as journal:
        for entry in notes(0, 5):
            journal.append(entry)
        await journal.flush()
        assert (await read(path)).entries == notes(0, 5)


async def test_a_write_that_takes_nothing_is_a_failure_and_no_endless_loop(path, disk):
    async with await opened(path, disk) as journal:
        journal.append({"type": "note", "nr": 0})
        disk.pwrite = lambda _data, _offset: 0
        with pytest.raises(JournalError, match="the disk took nothing"):
            await journal.flush()
        del disk.pwrite


@pytest.mark.parametrize("room", range(0, 200, 9))
async def test_a_full_disk_leaves_whole_entries_and_later_takes_all_of_them_once(path, disk, room):
    disk.most = 25
    unheard: list[str] = []
    async with await opened(path, disk, on_trouble=unheard.append) as journal:
        disk.room = room
        for entry in notes(0, 4):
            journal.append(entry)
        with pytest.raises(
            JournalError, match=f"notes.jsonl' could not be written: {FULL}"
        ) as told:
            await journal.flush()
        assert "free some space on that disk" in str(told.value)
        assert str(told.value) == f"{journal.trouble}. Nothing is lost yet: flush again then"
        assert isinstance(told.value.__cause__, OSError)
        found = scan(path.read_bytes())
        assert (found.tail, found.entries) == (0, notes(0, len(found.entries)))
        assert path.stat().st_size <= room
        assert repr(journal) == "<Journal notes.jsonl 4 entries, 4 unsynced>"
        disk.room = None
        assert journal.append({"type": "note", "nr": 4}) == 4
        await journal.flush()
        assert journal.trouble is None
    assert unheard == []
    assert scan(path.read_bytes()).entries == notes(0, 5)


async def test_what_could_not_even_be_cut_off_is_written_over(path, disk):
    async with await opened(path, disk) as journal:
        disk.most, disk.room, disk.truncate_error = 25, 100, errno.EIO
        for entry in notes(0, 4):
            journal.append(entry)
        with pytest.raises(JournalError, match=FULL):
            await journal.flush()
        assert scan(path.read_bytes()).tail > 0
        disk.room = None
        await journal.flush()
        assert scan(path.read_bytes()).entries == notes(0, 4)


async def test_after_a_failed_sync_all_since_the_last_good_one_is_written_again(path, disk):
    async with await opened(path, disk) as journal:
        journal.append({"type": "note", "nr": 0})
        await journal.flush()
        for entry in notes(1, 3):
            journal.append(entry)
        disk.sync_errors = [errno.EIO, errno.EIO]
        with pytest.raises(JournalError, match="Input/output error"):
            await journal.flush()
        assert scan(path.read_bytes()).entries == notes(0, 1)
        with pytest.raises(JournalError, match="the system's log for that disk"):
            await journal.flush()
        await journal.flush()
        assert scan(path.read_bytes()).entries == notes(0, 3)


async def test_each_of_those_who_wait_is_told_and_those_who_came_later_have_a_try_of_their_own(
    path, disk
):
    async with await opened(path, disk) as journal:
        disk.sync_gate.clear()
        disk.syncing.clear()
        disk.sync_errors = [errno.EIO]
        journal.append({"type": "note", "nr": 0})
        first = [asyncio.create_task(journal.flush()) for _ in range(2)]
        await disk.syncing.wait()
        journal.append({"type": "note", "nr": 1})
        later = asyncio.create_task(journal.flush())
        await asyncio.sleep(0)
        disk.sync_gate.set()
        told = await asyncio.gather(*first, return_exceptions=True)
        assert [type(error) for error in told] == [JournalError, JournalError]
        assert told[0] is not told[1]
        await later
    assert scan(path.read_bytes()).entries == notes(0, 2)


async def test_a_failed_write_in_the_background_is_told_once_and_tried_with_the_next_append(
    path, disk
):
    told, troubled = [], asyncio.Event()

    def tell(text):
        told.append(text)
        troubled.set()

    async with await opened(path, disk, on_trouble=tell) as journal:
        syncs = disk.syncs
        disk.room = 0
        journal.append({"type": "note", "nr": 0})
        await troubled.wait()
        assert told == [journal.trouble]
        assert FULL in told[0]
        disk.room = None
        disk.syncing.clear()
        journal.append({"type": "note", "nr": 1})
        await disk.syncing.wait()  # Only a sync shows that the trouble is over.
        await journal.flush()
        assert journal.trouble is None
        assert (disk.syncs - syncs, len(told)) == (1, 1)
        assert repr(journal) == "<Journal notes.jsonl 2 entries, 0 unsynced>"
    assert scan(path.read_bytes()).entries == notes(0, 2)


async def test_what_comes_during_a_failing_write_is_tried_once_more_and_then_rests(path, disk):
    told, troubled = [], asyncio.Event()

    def tell(text):
        told.append(text)
        if len(told) == 2:
            troubled.set()

    async with await opened(path, disk, on_trouble=tell) as journal:
        disk.room, disk.most = 5, 5
        disk.write_gate.clear()
        journal.append({"type": "note", "nr": 0})
        await disk.written.wait()
        journal.append({"type": "note", "nr": 1})
        disk.write_gate.set()
        await troubled.wait()
        assert not journal._busy
        assert len(told) == 2
        disk.room, disk.most = None, 1_000
    assert scan(path.read_bytes()).entries == notes(0, 2)


async def test_trouble_that_nobody_wants_to_hear_of_is_logged(path, disk, caplog):
    heard = asyncio.Event()
    caplog.handler.addFilter(lambda _: heard.set() or True)
    async with await opened(path, disk) as journal:
        disk.room = 0
        journal.append({"type": "note", "nr": 0})
        await heard.wait()
        assert f"could not be written: {FULL}" in caplog.text
        disk.room = None


async def test_a_close_that_cannot_flush_says_so_and_lets_go_all_the_same(path, disk):
    journal = await opened(path, disk, on_trouble=lambda _: None)
    disk.room = 70
    for entry in notes(0, 3):
        journal.append(entry)
    for _ in range(2):
        with pytest.raises(JournalError, match=f"{FULL}.* last 3 entries may be lost"):
            await journal.close()
    assert disk.closed.is_set()
    disk.room = None
    async with await Journal.open(path, create=False) as again:
        assert again.entries == notes(0, 1)
        assert again.set_aside is None


async def test_a_failure_that_was_never_foreseen_is_told_too(path, disk):
    async with await opened(path, disk) as journal:
        journal.append({"type": "note", "nr": 0})

        def fail(_data, _offset):
            raise MemoryError

        disk.pwrite = fail
        with pytest.raises(JournalError, match="MemoryError"):
            await journal.flush()
        del disk.pwrite
    assert scan(path.read_bytes()).entries == notes(0, 1)
