from pathlib import Path

import pytest

from tools import Effect, Place, ToolClass
from tools.file_resources import file_resources
from tools.files import FILE_TOOLS, file_move

from .file_runs import Conversation, everything


def test_the_tools_come_in_a_stable_order_and_say_what_they_do():
    said = [(tool.name, tool.tool_class, tool.effect, tool.moves) for tool in FILE_TOOLS]

    assert said == [
        ("file_read", ToolClass.LOCAL_READ, Effect.NONE, False),
        ("file_write", ToolClass.LOCAL_WRITE, Effect.IDEMPOTENT, False),
        ("file_edit", ToolClass.LOCAL_WRITE, Effect.EFFECTFUL, False),
        ("file_move", ToolClass.LOCAL_WRITE, Effect.EFFECTFUL, True),
        ("file_delete", ToolClass.LOCAL_WRITE, Effect.EFFECTFUL, True),
        ("make_directory", ToolClass.LOCAL_WRITE, Effect.IDEMPOTENT, False),
    ]


def test_a_move_touches_both_of_its_paths(tmp_path):
    access = file_move.access({"source": "a", "target": "b"}, Place("s", tmp_path))

    assert access.writes == file_resources(tmp_path, "a") | file_resources(tmp_path, "b")


@pytest.mark.parametrize("tool", FILE_TOOLS, ids=lambda tool: tool.name)
def test_every_field_is_described_to_the_model(tool):
    schema = tool.definition()["input_schema"]
    edit = schema.get("$defs", {}).get("Edit", {"properties": {}})

    for field in [*schema["properties"].values(), *edit["properties"].values()]:
        assert field["description"].endswith(".")


async def test_a_session_works_on_a_file_from_its_making_to_its_end(tmp_path: Path):
    conversation = Conversation(tmp_path)
    by_name = {tool.name: tool for tool in FILE_TOOLS}

    async def call(name: str, **given: object) -> object:
        return await conversation.call(by_name[name], **given)

    await call("make_directory", path="src")
    await call("file_write", path="src/a.py", content="one\ntwo\n")
    await call("file_edit", path="src/a.py", edits=[{"old_text": "two", "new_text": "three"}])
    assert await call("file_read", path="src/a.py") == "     1\tone\n     2\tthree"
    await call("file_move", source="src/a.py", target="src/b.py")
    await call("file_write", path="src/b.py", content="four\n")
    await call("file_delete", path="src", recursive=True)

    assert everything(tmp_path) == {}
    assert conversation.written == {"src/a.py": "absent", "src/b.py": "absent"}
