"""A journal and processes: killed, forked, or not able to end their threads."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.errors import SessionBusyError
from agent.session.journal import Journal, read

ROOT = Path(__file__).parent.parent.parent.parent

START = """
import asyncio, os, sys, threading
from agent.session.disk import FileDisk
from agent.session.journal import Journal

class TellingDisk(FileDisk):
    def pwrite(self, data, offset):
        taken = super().pwrite(data, offset)
        print("written", flush=True)
        return taken
"""

APPEND_AND_LIVE_ON = """
async def main():
    journal = await Journal.open(sys.argv[1], create=True, disk=TellingDisk)
    for number in range(50):
        journal.append({"type": "note", "nr": number})
    await asyncio.Event().wait()

asyncio.run(main())
"""

HANG = """
class HangingDisk(TellingDisk):
    hangs = False

    def sync(self):
        if self.hangs:
            threading.Event().wait()

async def main():
    journal = await Journal.open(sys.argv[1], create=True, disk=HangingDisk)
    HangingDisk.hangs = True
    journal.append({"type": "note"})
    asyncio.create_task(journal.flush())
    await asyncio.sleep(0)

asyncio.run(main())
"""

FORK = """
async def use(path):
    async with await Journal.open(path, create=True) as journal:
        journal.append({"type": "note"})

asyncio.run(use(sys.argv[1]))
child = os.fork()
if child == 0:
    asyncio.run(use(sys.argv[1] + ".child"))
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@contextmanager
def program(text, path):
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", START + text, path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes.jsonl"


async def test_what_was_written_stays_and_the_lock_goes_when_a_process_is_killed(path):
    with program(APPEND_AND_LIVE_ON, path) as process:
        assert process.stdout.readline() == "written\n"
        with pytest.raises(SessionBusyError, match="in another process"):
            await Journal.open(path, create=False)
        assert len((await read(path)).entries) == 50
        process.kill()
        process.wait()
        async with await Journal.open(path, create=False) as journal:
            assert journal.entries == [{"type": "note", "nr": number} for number in range(50)]
            assert journal.set_aside is None


def test_a_sync_that_hangs_does_not_keep_a_process_from_ending(path):
    with program(HANG, path) as process:
        assert process.wait(30) == 0


async def test_a_forked_child_has_writers_of_its_own(path):
    with program(FORK, path) as process:
        assert process.wait(30) == 0
    assert (await read(f"{path}.child")).entries == [{"type": "note"}]
