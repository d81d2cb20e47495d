"""Recording: what a model is asked and answers, written down as it comes."""

import asyncio
import json
import stat
from contextlib import asynccontextmanager
from io import FileIO

import aiofiles
import pytest

from agent.claude.client import ClientSettings, shared
from agent.claude.loopback import LoopbackModel
from agent.claude.model import Incoming
from agent.claude.recorded_failure import Failure
from agent.claude.recorder import BATCHES, RecordingModel
from agent.claude.recording import End, RecordingError
from agent.claude.recording_reading import parse, read
from agent.claude.script import Text as Said
from agent.claude.script import error_event, reply
from agent.errors import ApiError, StreamBrokenError
from tests.agent.claude import streams

DONE = [[streams.start()], [streams.end("end_turn")], [{"type": "message_stop"}]]
PING = {"type": "ping"}


class Parrot:
    """Answers with the next of its replies: batches, waits, what it does, and what it raises."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.asked = asyncio.Semaphore(0)

    @asynccontextmanager
    async def stream(self, body, betas=()):
        del body, betas
        self.asked.release()
        steps = self.replies.pop(0)
        if isinstance(steps, Exception):
            raise steps
        yield Incoming(self._events(steps), "req_parrot")

    async def _events(self, steps):
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif callable(step):
                step()
            else:
                yield step


def body(*said, model="claude-loopback"):
    messages = [
        {"role": ("user", "assistant")[place % 2], "content": [{"type": "text", "text": text}]}
        for place, text in enumerate(said)
    ]
    return {"model": model, "max_tokens": 10, "stream": True, "messages": messages}


async def ask(model, *said, **more):
    """Send what was said; give the batches of the reply."""
    async with model.stream(json.dumps(body(*said, **more)).encode()) as incoming:
        return [batch async for batch in incoming.events]


async def recorded(path):
    return await asyncio.to_thread(read, path)


def timeless(found):
    """Give each reply of a recording without its times."""
    return [
        (each.body, [list(batch.events) for batch in each.batches], each.ending)
        for each in found.replies
    ]


# -- what is written ---------------------------------------------------------------------------


async def test_a_conversation_is_recorded_and_comes_through_as_it_was(tmp_path):
    path = tmp_path / "folder" / "talk.jsonl"
    async with RecordingModel(Parrot(DONE, DONE), path) as model:
        assert await ask(model, "Hello,  you there.") == DONE
        assert await ask(model, "Hello,  you there.", "Hi.", "Bye.") == DONE

    found = await recorded(path)
    assert timeless(found) == [
        (body("Hello,  you there."), DONE, End.WHOLE),
        (body("Hello,  you there.", "Hi.", "Bye."), DONE, End.WHOLE),
    ]
    assert (found.title, found.source, found.model) == (
        "Hello, you there.",
        "recorded",
        "claude-loopback",
    )
    assert model.paths == [path]


async def test_the_title_is_what_was_given(tmp_path):
    async with RecordingModel(Parrot(DONE), tmp_path / "a.jsonl", title="A talk") as model:
        await ask(model, "Hello.")
    assert (await recorded(tmp_path / "a.jsonl")).title == "A talk"


async def test_times_are_those_of_the_stream(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])

    def later(seconds):
        now[0] += seconds

    first = [lambda: later(0.25), [PING], lambda: later(0.5), *DONE]
    async with RecordingModel(Parrot(first, first), tmp_path / "a.jsonl") as model:
        await ask(model, "Hello.")
        later(7.0)
        await ask(model, "Hello.", "Hi.", "Bye.")
    one, two = (await recorded(tmp_path / "a.jsonl")).replies
    assert (one.at, two.at) == (0.0, 7.75)
    for each in (one, two):
        assert [batch.at for batch in each.batches] == [0.25, 0.75, 0.75, 0.75]
        assert each.seconds == 0.75


async def test_the_file_is_for_its_owner_only(tmp_path):
    async with RecordingModel(Parrot(DONE), tmp_path / "a.jsonl") as model:
        await ask(model, "Hello.")
    mode = (await asyncio.to_thread((tmp_path / "a.jsonl").stat)).st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_what_came_is_in_the_file_after_each_reply(tmp_path):
    async with RecordingModel(Parrot(DONE), tmp_path / "a.jsonl") as model:
        await ask(model, "Hello.")
        await model.flush()
        found = await recorded(tmp_path / "a.jsonl")
    assert timeless(found) == [(body("Hello."), DONE, End.WHOLE)]


async def test_a_long_reply_is_written_while_it_comes(tmp_path):
    rest = asyncio.Event()
    model = RecordingModel(Parrot([*([[PING]] * BATCHES), rest, *DONE]), tmp_path / "a.jsonl")
    async with model, asyncio.TaskGroup() as group:
        came = asyncio.Event()

        async def read_on():
            count = 0
            async with model.stream(json.dumps(body("Hello.")).encode()) as incoming:
                async for _ in incoming.events:
                    count += 1
                    if count == BATCHES:
                        came.set()

        group.create_task(read_on())
        await came.wait()
        await model.flush()
        (early,) = (await recorded(tmp_path / "a.jsonl")).replies
        rest.set()
    assert (len(early.batches), early.ending) == (BATCHES, End.CUT)
    (whole,) = (await recorded(tmp_path / "a.jsonl")).replies
    assert (len(whole.batches), whole.ending) == (BATCHES + len(DONE), End.WHOLE)


async def test_a_key_is_in_no_recording_of_a_real_client(tmp_path):
    script = reply(Said("Hi.", pieces=2))
    async with LoopbackModel([script]) as server:
        settings = ClientSettings(base_url=server.url, api_key="sk-ant-sesame")
        async with (
            shared(settings) as client,
            RecordingModel(client, tmp_path / "a.jsonl") as model,
        ):
            await ask(model, "Hello.")
    async with aiofiles.open(tmp_path / "a.jsonl", "rb") as file:
        data = await file.read()
    assert "sk-ant-sesame" in str(server.requests[0].headers)
    assert b"sesame" not in data
    (found,) = parse(data, "a").replies
    assert [event["type"] for batch in found.batches for event in batch.events][-1] == (
        "message_stop"
    )


# -- how replies end ---------------------------------------------------------------------------


async def test_an_error_instead_of_a_reply_is_recorded_and_raised(tmp_path):
    error = ApiError("Overloaded", status=529, type="overloaded_error", request_id="req_1")
    async with RecordingModel(Parrot(error, DONE), tmp_path / "a.jsonl") as model:
        with pytest.raises(ApiError) as caught:
            await ask(model, "Hello.")
        await ask(model, "Hello.")
    assert caught.value is error
    failure = Failure("api", "Overloaded", 529, "overloaded_error")
    assert timeless(await recorded(tmp_path / "a.jsonl")) == [
        (body("Hello."), [], failure),
        (body("Hello."), DONE, End.WHOLE),
    ]


async def test_an_error_in_a_reply_is_recorded_and_raised(tmp_path):
    error = StreamBrokenError("silence")
    async with RecordingModel(Parrot([[PING], error]), tmp_path / "a.jsonl") as model:
        with pytest.raises(StreamBrokenError) as caught:
            await ask(model, "Hello.")
    assert caught.value is error
    (found,) = timeless(await recorded(tmp_path / "a.jsonl"))
    assert found == (body("Hello."), [[PING]], Failure("stream", "silence"))


async def test_an_error_event_counts_as_the_models_error(tmp_path):
    (event,) = error_event("overloaded_error", "Overloaded").given
    async with RecordingModel(Parrot([[PING], [event]]), tmp_path / "a.jsonl") as model:
        await ask(model, "Hello.")
    (found,) = timeless(await recorded(tmp_path / "a.jsonl"))
    assert found[1:] == (
        [[PING], [event]],
        Failure("stream", "Overloaded", type="overloaded_error"),
    )


@pytest.mark.parametrize(
    ("batches", "taken", "ending"),
    [(DONE, 1, End.CUT), (DONE, 2, End.WHOLE), ([[PING]], 2, End.WHOLE)],
    ids=["in the middle", "after the stop reason", "at the end"],
)
async def test_a_reader_that_leaves_cuts_a_reply_that_has_not_ended(
    tmp_path, batches, taken, ending
):
    async with (
        RecordingModel(Parrot(batches), tmp_path / "a.jsonl") as model,
        model.stream(json.dumps(body("Hello.")).encode()) as incoming,
    ):
        for _ in range(taken):
            await anext(incoming.events, None)
    (found,) = timeless(await recorded(tmp_path / "a.jsonl"))
    assert found == (body("Hello."), batches[:taken], ending)


async def test_an_error_of_the_reader_is_none_of_the_model(tmp_path):
    async def fail():
        async with model.stream(json.dumps(body("Hello.")).encode()) as incoming:
            await anext(incoming.events)
            raise KeyError

    async with RecordingModel(Parrot(DONE), tmp_path / "a.jsonl") as model:
        with pytest.raises(KeyError):
            await fail()
    (found,) = timeless(await recorded(tmp_path / "a.jsonl"))
    assert found == (body("Hello."), DONE[:1], End.CUT)


@pytest.mark.parametrize("before", [[], [[PING]]], ids=["at once", "in the middle"])
async def test_an_interruption_leaves_a_file_that_goes_on(tmp_path, before):
    never = asyncio.Event()
    model = RecordingModel(Parrot([*before, never], DONE), tmp_path / "a.jsonl")
    async with model:
        task = asyncio.create_task(ask(model, "Hello."))
        await model._model.asked.acquire()
        await model.flush()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ask(model, "Hello.", "H", "Go on.")
    assert timeless(await recorded(tmp_path / "a.jsonl")) == [
        (body("Hello."), before, End.CUT),
        (body("Hello.", "H", "Go on."), DONE, End.WHOLE),
    ]


async def test_a_cancellation_before_the_request_leaves_a_file_that_goes_on(tmp_path):
    model = RecordingModel(Parrot(DONE), tmp_path / "a.jsonl")
    async with model:
        task = asyncio.create_task(ask(model, "Hello."))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ask(model, "Hello.")
    assert timeless(await recorded(tmp_path / "a.jsonl")) == [
        (body("Hello."), [], End.CUT),
        (body("Hello."), DONE, End.WHOLE),
    ]


# -- many conversations ------------------------------------------------------------------------


async def test_a_folder_takes_a_file_for_each_conversation(tmp_path):
    async with RecordingModel(Parrot(*([DONE] * 6)), tmp_path / "talks") as model:
        await asyncio.gather(ask(model, "One."), ask(model, "Two."))
        await ask(model, "Two.", "2", "More.")
        await ask(model, "One.", "1", "More.")
        await ask(model, "One.")
        await ask(model, "One.", "1", "Other.")
    found = [[each[0] for each in timeless(await recorded(path))] for path in model.paths]
    by_first = sorted(found, key=str)
    assert by_first == sorted(
        [
            [body("One."), body("One.", "1", "More.")],
            [body("Two."), body("Two.", "2", "More.")],
            [body("One."), body("One.", "1", "Other.")],
        ],
        key=str,
    )
    assert {path.parent for path in model.paths} == {tmp_path / "talks"}


async def test_conversations_that_begin_alike_at_the_same_time_are_two(tmp_path):
    rest = asyncio.Event()
    model = RecordingModel(Parrot([rest, *DONE], [rest, *DONE]), tmp_path / "talks")
    async with model, asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(ask(model, "One."))
        for _ in range(2):
            await model._model.asked.acquire()
        rest.set()
    for path in model.paths:
        assert timeless(await recorded(path)) == [(body("One."), DONE, End.WHOLE)]


async def test_only_what_is_being_answered_is_open(tmp_path):
    async with RecordingModel(Parrot(*([DONE] * 3)), tmp_path / "talks") as model:
        for text in ("One.", "Two.", "Three."):
            await ask(model, text)
        await model.flush()
        assert [each.is_open for each in model._files._conversations] == [False] * 3


async def test_conversations_of_long_ago_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.claude.recording_files.KEPT", 2)
    async with RecordingModel(Parrot(*([DONE] * 6)), tmp_path / "talks") as model:
        await ask(model, "One.")
        await ask(model, "Two.")
        await ask(model, "One.", "1", "More.")
        assert len(model._files._conversations) == 2
        await ask(model, "Three.")
        await ask(model, "One.", "1", "More.", "2", "Still more.")
        await ask(model, "Two.", "2", "More.")
    found = [[each[0] for each in timeless(await recorded(path))] for path in model.paths]
    assert found == [
        [
            body("One."),
            body("One.", "1", "More."),
            body("One.", "1", "More.", "2", "Still more."),
        ],
        [body("Two.")],
        [body("Three.")],
        [body("Two.", "2", "More.")],
    ]


async def test_a_file_that_is_gone_meanwhile_is_told(tmp_path):
    path = tmp_path / "a.jsonl"
    async with RecordingModel(Parrot(DONE), path) as model:
        await ask(model, "One.")
        await model.flush()
        await asyncio.to_thread(path.unlink)
        with pytest.raises(RecordingError, match="cannot be written: No such file or directory"):
            await ask(model, "One.", "1", "More.")


async def test_a_request_that_is_sent_again_goes_on_in_its_file_of_a_folder(tmp_path):
    busy = ApiError("Overloaded", status=529)
    async with RecordingModel(Parrot(busy, DONE), tmp_path / "talks") as model:
        with pytest.raises(ApiError):
            await ask(model, "One.")
        await ask(model, "One.")
    (path,) = model.paths
    assert [each[2] for each in timeless(await recorded(path))] == [
        Failure("api", "Overloaded", 529),
        End.WHOLE,
    ]


async def test_a_file_refuses_another_conversation(tmp_path):
    path = tmp_path / "a.jsonl"
    async with RecordingModel(Parrot(DONE, DONE), path) as model:
        await ask(model, "One.")
        with pytest.raises(RecordingError) as caught:
            await ask(model, "Two.")
    assert str(caught.value) == (
        f"{path} holds one conversation, and another request came that begins otherwise: give "
        "RecordingModel a folder, in which each conversation gets a file of its own"
    )
    assert timeless(await recorded(path)) == [(body("One."), DONE, End.WHOLE)]


async def test_a_file_refuses_a_request_while_one_is_answered(tmp_path):
    rest = asyncio.Event()
    async with RecordingModel(Parrot([rest, *DONE]), tmp_path / "a.jsonl") as model:
        task = asyncio.create_task(ask(model, "One."))
        await model._model.asked.acquire()
        with pytest.raises(RecordingError, match="came while it was being answered"):
            await ask(model, "One.")
        rest.set()
        assert await task == DONE


async def test_a_file_takes_a_conversation_whose_middle_was_shortened(tmp_path):
    async with RecordingModel(Parrot(DONE, DONE), tmp_path / "a.jsonl") as model:
        await ask(model, "One.", "1", "Two.")
        await ask(model, "One.", "shorter", "Two.", "2", "Three.")
    assert [each[0] for each in timeless(await recorded(tmp_path / "a.jsonl"))] == [
        body("One.", "1", "Two."),
        body("One.", "shorter", "Two.", "2", "Three."),
    ]


# -- files that cannot be ----------------------------------------------------------------------


async def test_a_file_that_is_there_is_not_written_over(tmp_path):
    path = tmp_path / "a.jsonl"
    await asyncio.to_thread(path.write_text, "mine")
    async with RecordingModel(Parrot(DONE), path) as model:
        with pytest.raises(RecordingError) as caught:
            await ask(model, "One.")
    assert str(caught.value) == f"the recording {path} cannot be written: File exists"
    assert await asyncio.to_thread(path.read_text) == "mine"


async def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    await asyncio.to_thread((tmp_path / "file").write_text, "")
    async with RecordingModel(Parrot(DONE), tmp_path / "file" / "talks") as model:
        with pytest.raises(RecordingError, match="cannot be written: Not a directory"):
            await ask(model, "One.")


async def test_a_disk_that_takes_nothing_ends_no_reply_and_is_told_at_the_end(tmp_path, caplog):
    model = RecordingModel(Parrot(DONE), tmp_path / "a.jsonl")

    def full(*_):
        raise OSError(28, "No space left on device")

    model._files.end = full
    assert await ask(model, "One.") == DONE
    with pytest.raises(RecordingError, match=r"not all was recorded: .*No space left on device"):
        await model.close()
    assert "a recording could not be written" in caplog.text


@pytest.mark.parametrize("lines_before", [0, 1, 4], ids=["header", "request", "later request"])
async def test_a_disk_that_does_not_take_a_request_refuses_it_and_keeps_whole_lines(
    tmp_path, monkeypatch, lines_before
):
    path, written = tmp_path / "a.jsonl", []

    class FullDisk(FileIO):
        def write(self, data):
            line = bytes(data)
            if len(written) < lines_before:
                written.append(line)
                return super().write(data)
            if line.endswith(b"\n") and len(line) > 10:
                return super().write(line[:10])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent.claude.recording_files.FileIO", FullDisk)
    async with RecordingModel(Parrot(DONE), path) as model:
        if lines_before == 4:
            await ask(model, "One.")
        with pytest.raises(RecordingError, match="cannot be written: No space left on device"):
            await ask(model, "One.", "1", "More.")
    assert await asyncio.to_thread(path.read_bytes) == b"".join(written)


async def test_a_closed_recorder_takes_no_request(tmp_path):
    model = RecordingModel(Parrot(DONE), tmp_path / "a.jsonl")
    await model.close()
    await model.close()
    with pytest.raises(RecordingError, match="is closed: make another"):
        await ask(model, "One.")
    assert not await asyncio.to_thread((tmp_path / "a.jsonl").exists)


async def test_a_recorder_that_is_closed_in_a_reply_leaves_a_file_that_can_be_read(tmp_path):
    model = RecordingModel(Parrot(DONE), tmp_path / "a.jsonl")
    async with model.stream(json.dumps(body("Hello.")).encode()) as incoming:
        await anext(incoming.events)
        await model.close()
    (found,) = (await recorded(tmp_path / "a.jsonl")).replies
    assert found.ending is End.CUT


async def test_it_says_what_it_holds(tmp_path):
    model = RecordingModel(Parrot(), tmp_path / "a.jsonl")
    assert repr(model).endswith(f"<RecordingFiles {tmp_path / 'a.jsonl'}, 0 conversations>, open>")
    await model.close()
    assert repr(model).endswith(", closed>")
