"""The pipes to a program, each end held here."""

import asyncio
import os
from collections.abc import AsyncIterator
from io import FileIO

import pytest

from tools.output import CappedBuffer
from tools.pipes import InputPipe, OutputPipe

pytestmark = pytest.mark.usefixtures("no_descriptor_is_left", "no_error_in_callbacks")


@pytest.fixture
async def no_error_in_callbacks() -> AsyncIterator[None]:
    errors: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    yield
    assert errors == []


def pipe() -> tuple[FileIO, FileIO]:
    reader, writer = os.pipe()
    return FileIO(reader, "rb"), FileIO(writer, "wb")


async def test_what_is_written_is_kept_until_the_last_writer_has_gone():
    reader, writer = pipe()
    output = OutputPipe(reader, CappedBuffer(10))

    writer.write(b"abc")
    writer.close()
    await output.ended.wait()

    assert output.buffer.excerpt().whole == b"abc"
    assert repr(output) == "<OutputPipe ended <CappedBuffer 3 of 3 bytes kept, limit 10>>"


async def test_what_is_in_the_pipe_can_be_taken_without_waiting():
    reader, writer = pipe()
    output = OutputPipe(reader, CappedBuffer(100_000))
    data = b"x" * 65_536
    writer.write(data)

    output.take_rest()

    assert output.buffer.excerpt().whole == data
    assert not output.ended.is_set()
    writer.close()
    output.take_rest()
    assert output.ended.is_set()


async def test_a_pipe_that_is_closed_reads_no_more():
    reader, writer = pipe()
    output = OutputPipe(reader, CappedBuffer(10))

    output.close()
    output.close()
    output.take_rest()

    with pytest.raises(BrokenPipeError):
        writer.write(b"x")
    writer.close()
    assert output.buffer.kept == 0


async def test_input_is_written_piece_by_piece_and_then_ended():
    reader, writer = pipe()
    buffer = CappedBuffer(1_000_000)
    data = os.urandom(500_000)

    given = InputPipe(writer, data)
    await OutputPipe(reader, buffer).ended.wait()

    assert buffer.excerpt().whole == data
    assert repr(given) == "<InputPipe closed 0 bytes to write>"


async def test_input_is_given_up_when_nobody_reads_it():
    reader, writer = pipe()
    reader.close()

    given = InputPipe(writer, b"x" * 500_000)
    for _ in range(5):  # Iterations of the loop; the first finds the pipe ready, and broken.
        await asyncio.sleep(0)

    assert repr(given) == "<InputPipe closed 500000 bytes to write>"


async def test_input_can_be_let_go_of_half_written():
    reader, writer = pipe()
    given = InputPipe(writer, b"x" * 500_000)

    given.close()
    given.close()

    assert reader.read() == b""
    reader.close()
