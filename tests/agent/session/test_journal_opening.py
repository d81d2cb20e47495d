"""Opening a journal: what is refused, what is set aside, what those who only look see."""

import asyncio
import errno
import os
import stat
import threading
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from agent.errors import DamagedJournalError, JournalError, SessionBusyError
from agent.session import network
from agent.session.journal import Journal, read
from agent.session.lines import Scan, encode, scan
from agent.session.stored import Tail

from .disks import StagedDisk


def notes(first, last):
    return [{"type": "note", "nr": number} for number in range(first, last)]


def lines(count):
    return [encode(number, number, entry) for number, entry in enumerate(notes(0, count))]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes.jsonl"


class TestRefused:
    async def test_creating_what_exists(self, path):
        path.write_bytes(b"")
        with pytest.raises(JournalError, match=r"notes.jsonl' exists already: open it"):
            await Journal.open(path, create=True)

    async def test_opening_or_reading_what_does_not_exist(self, path):
        with pytest.raises(FileNotFoundError, match="there is no such journal"):
            await Journal.open(path, create=False)
        with pytest.raises(FileNotFoundError, match="there is no such journal"):
            await read(path)
        assert not path.exists()

    async def test_what_has_a_writer_in_this_process_and_that_one_goes_on(self, path):
        async with await Journal.open(path, create=True) as journal:
            with pytest.raises(SessionBusyError, match="another process or in another part of"):
                await Journal.open(path, create=False)
            journal.append({"type": "note", "nr": 0})
        async with await Journal.open(path, create=False) as journal:
            assert journal.entries == notes(0, 1)

    async def test_what_is_no_file_of_its_own(self, path):
        target = path.with_name("target")
        target.write_bytes(b"")
        path.symlink_to(target)
        for use in (read(path), Journal.open(path, create=False)):
            with pytest.raises(JournalError, match="could not be opened: it is a symbolic link"):
                await use
        path.unlink()
        os.mkfifo(path)
        for use in (read(path), Journal.open(path, create=False)):
            with pytest.raises(JournalError, match="is not a file"):
                await use
        with pytest.raises(JournalError, match="is not a file"):
            await read(path.parent)

    async def test_a_folder_that_cannot_be(self, path):
        path.write_bytes(b"")
        with pytest.raises(JournalError, match=r"could not be opened: (Not a directory|File ex)"):
            await Journal.open(path / "below.jsonl", create=True)

    async def test_a_disk_that_cannot_be_written(self, path):
        path.write_bytes(b"")
        disk = StagedDisk()
        disk.sync_errors = [errno.EROFS]
        with pytest.raises(JournalError, match="could not be opened: Read-only file system"):
            await Journal.open(path, create=False, disk=disk.on)
        await (await Journal.open(path, create=False)).close()

    async def test_what_was_replaced_between_opening_and_locking(self, path, monkeypatch):
        path.write_bytes(b"")
        monkeypatch.setattr(os.path, "samestat", lambda _a, _b: False)
        with pytest.raises(JournalError, match="was replaced meanwhile: open it again"):
            await Journal.open(path, create=False)


async def test_a_new_one_is_for_this_user_alone_with_the_folders_above_it(tmp_path):
    path = tmp_path / "a" / "b" / "notes.jsonl"
    await (await Journal.open(path, create=True)).close()
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, tmp_path / "a")]
    assert modes == [0o600, 0o700, 0o700]
    assert await read(path) == Scan([], 0)


async def test_an_opening_that_was_cancelled_lets_go_of_the_file(path):
    gate, opening = threading.Event(), asyncio.Event()
    disk = StagedDisk()
    loop = asyncio.get_running_loop()

    def hold(file):
        loop.call_soon_threadsafe(opening.set)
        gate.wait()
        return disk.on(file)

    task = asyncio.create_task(Journal.open(path, create=True, disk=hold))
    await opening.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    gate.set()
    assert await asyncio.to_thread(disk.closed.wait, 10)
    await (await Journal.open(path, create=False)).close()


class TestDamage:
    async def test_a_tail_is_kept_in_a_file_of_its_own_and_the_journal_goes_on(self, path):
        whole, torn = lines(2), b'{"crc":"12' + b"x" * 200
        path.write_bytes(b"".join(whole) + torn)
        end = sum(map(len, whole))
        file = path.with_name(f"notes.jsonl.tail-{end}")
        told = {"type": "set_aside", "file": file.name, "bytes": len(torn)}
        async with await Journal.open(path, create=False) as journal:
            assert journal.set_aside == Tail(file, len(torn))
            assert journal.entries == [*notes(0, 2), told]
            assert scan(path.read_bytes()).entries == journal.entries
            assert journal.append({"type": "note", "nr": 3}) == 3
        assert file.read_bytes() == torn
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        async with await Journal.open(path, create=False) as journal:
            assert journal.set_aside is None
            assert journal.entries == [*notes(0, 2), told, *notes(3, 4)]

    async def test_a_tail_never_takes_the_name_of_another(self, path):
        line = lines(1)[0]
        names = [f"notes.jsonl.tail-{len(line)}{more}" for more in ("", "-2", "-3")]
        for name, torn in zip(names, (b"a", b"b", b"c"), strict=True):
            path.write_bytes(line + torn)
            async with await Journal.open(path, create=False) as journal:
                assert journal.set_aside == Tail(path.with_name(name), 1)
        assert [path.with_name(name).read_bytes() for name in names] == [b"a", b"b", b"c"]

    async def test_in_the_middle_it_is_an_error_that_changes_nothing(self, path):
        data = bytearray(b"".join(lines(3)))
        data[len(lines(1)[0]) + 30] ^= 1
        path.write_bytes(data)
        for use in (read(path), Journal.open(path, create=False)):
            with pytest.raises(
                DamagedJournalError, match=r"notes.jsonl' is damaged at line 2"
            ) as e:
                await use
            assert (e.value.file, e.value.line) == (str(path), 2)
        assert path.read_bytes() == data
        assert [*path.parent.iterdir()] == [path]

    async def test_a_file_without_one_whole_entry_is_not_touched(self, path):
        path.write_bytes(b"Dear diary")
        with pytest.raises(DamagedJournalError, match="it may not be a journal at all"):
            await Journal.open(path, create=False)
        assert path.read_bytes() == b"Dear diary"
        assert await read(path) == Scan([], 0, tail=10)

    async def test_a_tail_that_cannot_be_kept_stays_where_it_is(self, path, monkeypatch):
        data = lines(1)[0] + b"torn"
        path.write_bytes(data)

        def fail(_descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("agent.session.stored.sync_file", fail)
        with pytest.raises(JournalError, match="No space left on device"):
            await Journal.open(path, create=False)
        assert path.read_bytes() == data
        assert [*path.parent.iterdir()] == [path]


async def test_whoever_only_looks_sees_whole_entries_while_one_is_half_written(path):
    disk = StagedDisk()
    async with await Journal.open(path, create=True, disk=disk.on) as journal:
        for entry in notes(0, 3):
            journal.append(entry)
        await journal.flush()
        disk.most = 9
        disk.write_gate.clear()
        disk.written.clear()
        journal.append({"type": "note", "nr": 3})
        await disk.written.wait()
        found = await read(path)
        assert (found.entries, found.tail) == (notes(0, 3), 9)
        disk.write_gate.set()
        await journal.flush()
        assert (await read(path)).entries == notes(0, 4)
    assert [*path.parent.iterdir()] == [path]


class TestNetwork:
    @pytest.mark.parametrize(
        ("mounts", "expected"),
        [
            ([], False),
            ([("/", "ext4")], False),
            ([("/", "ext4"), ("/home", "nfs4")], True),
            ([("/home", "nfs4"), ("/home/me", "ext4"), ("/", "nfs")], False),
            ([("/home", "ext4"), ("/home", "cifs")], True),
            ([("/home", "cifs"), ("/home", "ext4")], False),
            ([("/hom", "nfs"), ("/home/you", "nfs")], False),
            ([("/", "fuse.sshfs")], True),
            ([("/", "fuseblk")], False),
            ([("/", "fuse.fuse-overlayfs")], False),
            ([("/", "SMBFS")], True),
        ],
    )
    def test_the_innermost_mount_tells(self, mounts, expected):
        disks = [SimpleNamespace(mountpoint=point, fstype=kind) for point, kind in mounts]
        assert network.on_network(Path("/home/me/notes.jsonl"), disks) is expected

    async def test_it_is_warned_about_once_for_each_path(self, path, monkeypatch, caplog):
        everywhere = SimpleNamespace(mountpoint="/", fstype="nfs")
        monkeypatch.setattr(network, "_mounts", lambda: [everywhere])
        await (await Journal.open(path, create=True)).close()
        await (await Journal.open(path, create=False)).close()
        assert caplog.text.count("lies on a network file system") == 1

    async def test_a_machine_that_does_not_tell_its_mounts_is_no_obstacle(self, path, monkeypatch):
        def fail(**_):
            raise PermissionError

        monkeypatch.setattr(psutil, "disk_partitions", fail)
        await (await Journal.open(path, create=True)).close()
