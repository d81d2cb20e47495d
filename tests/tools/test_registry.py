import pytest

from tools import DeclarationError, Registry, ToolClass, tool


@tool(ToolClass.LOCAL_READ)
def read_file(path: str) -> str:
    """Read a file."""
    return path


@tool(ToolClass.LOCAL_WRITE)
def write_file(path: str, content: str) -> str:
    """Write a file."""
    return path + content


def plain(text: str) -> str:
    """Do something."""
    return text


def named(name: str):
    return tool(name=name)(plain)


def test_tools_keep_the_order_in_which_they_were_given():
    registry = Registry([write_file, plain, read_file])

    assert [each["name"] for each in registry.definitions()] == ["write_file", "plain", "read_file"]
    assert [set(each) for each in registry.definitions()] == [
        {"name", "description", "input_schema"}
    ] * 3
    assert [each.name for each in registry] == ["write_file", "plain", "read_file"]
    assert len(registry) == 3
    assert repr(registry) == "<Registry write_file, plain, read_file>"


def test_a_tool_is_found_by_its_name():
    registry = Registry([read_file])

    assert registry.get("read_file") is read_file
    assert registry.get("write_file") is None


def test_a_plain_function_is_a_tool_that_runs_alone():
    found = Registry([plain]).get("plain")

    assert found is not None
    assert found.tool_class is ToolClass.EXCLUSIVE


def test_two_tools_of_one_name_are_refused_with_where_both_come_from():
    with pytest.raises(DeclarationError, match=r"'read_file': .*\.read_file and .*\.plain"):
        Registry([read_file, named("read_file")])


def test_the_same_tool_twice_is_one():
    assert len(Registry([read_file, read_file])) == 1


def test_an_unknown_tool_is_answered_with_the_nearest_and_all():
    assert Registry([read_file, write_file]).unknown("Read_files") == (
        "There is no tool 'Read_files'. Did you mean read_file or write_file? "
        "The tools are: read_file, write_file."
    )
    assert Registry([]).unknown("a") == "There is no tool 'a'. There are no tools."


def test_the_answer_is_bounded_whatever_was_asked_and_however_many_tools_there_are():
    registry = Registry([named(f"tool_number_{number}") for number in range(1000)])

    text = registry.unknown("\ud800\0" * 10_000)
    text.encode()

    assert len(text) <= 2000
    assert text.endswith(", and more.")
    assert "tool_number_0, tool_number_1," in text
