import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler import Access, Resource
from tools.file_resources import ALIASES, file_resources, workspace_resource


@pytest.fixture
def nothing_blocks():
    """The session's own watcher is enough here: it knows that this file may read links."""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "Work"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("a")
    return folder


def at(path: Path) -> Resource:
    return ("file", "/", *os.path.realpath(path).casefold().strip("/").split("/"))


def meet(one: frozenset[Resource], other: frozenset[Resource]) -> bool:
    return Access(writes=one).conflicts_with(Access(reads=other))


def test_a_file_is_its_absolute_path(workspace):
    assert file_resources(workspace, "src/a.py") == {at(workspace / "src" / "a.py")}


@pytest.mark.parametrize("spelled", ["src/./a.py", "src//a.py", "src/../src/a.py", "./src/a.py/"])
def test_every_spelling_of_a_path_is_the_same_resource(workspace, spelled):
    same = file_resources(workspace, "src/a.py")

    assert file_resources(workspace, spelled) == same
    assert file_resources(workspace, f"{workspace}/{spelled}") == same


def test_a_file_that_does_not_exist_yet_has_the_resource_that_it_will_have(workspace):
    before = file_resources(workspace, "new/b.py")
    (workspace / "new").mkdir()
    (workspace / "new" / "b.py").write_text("b")

    assert file_resources(workspace, "new/b.py") == before


def test_case_and_composition_of_characters_do_not_matter(workspace):
    composed = file_resources(workspace, "CAF\N{LATIN SMALL LETTER E WITH ACUTE}.txt")

    assert file_resources(workspace, "cafe\N{COMBINING ACUTE ACCENT}.TXT") == composed
    assert file_resources(workspace, "STRASSE") == file_resources(workspace, "straße")


def test_a_folder_covers_what_is_in_it(workspace):
    assert meet(file_resources(workspace, "src"), file_resources(workspace, "src/a.py"))
    assert not meet(file_resources(workspace, "src"), file_resources(workspace, "lib/a.py"))


@pytest.mark.parametrize("path", ["", ".", "src/.."])
def test_the_workspace_itself_is_one_resource(workspace, path):
    assert file_resources(workspace, path) == {workspace_resource(workspace)}


def test_a_path_through_a_link_meets_the_path_of_its_target(workspace):
    (workspace / "link").symlink_to("src")

    assert meet(file_resources(workspace, "link/a.py"), file_resources(workspace, "src/a.py"))


def test_a_path_through_links_meets_whatever_replaces_one_of_them(workspace, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("o")
    (workspace / "inner").symlink_to(outside)
    (workspace / "outer").symlink_to("inner")

    touched = file_resources(workspace, "outer")

    assert touched == {at(outside), *((*at(workspace), name) for name in ("inner", "outer"))}


def test_a_link_back_with_two_dots_is_followed_as_the_system_does(workspace):
    (workspace / "lib").mkdir()
    (workspace / "lib" / "a.py").symlink_to("../src/a.py")

    assert at(workspace / "src" / "a.py") in file_resources(workspace, "lib/a.py")


def test_a_workspace_behind_a_link_is_where_it_really_is(workspace, tmp_path):
    (tmp_path / "link").symlink_to(workspace)

    assert file_resources(tmp_path / "link", "src/a.py") == file_resources(workspace, "src/a.py")
    assert file_resources(workspace, f"{tmp_path}/link/src/a.py") == {at(workspace / "src/a.py")}


def test_two_names_of_one_file_meet(workspace):
    os.link(workspace / "src" / "a.py", workspace / "b.py")
    one, other = file_resources(workspace, "src/a.py"), file_resources(workspace, "b.py")

    assert meet(one, other)
    assert not meet(one, file_resources(workspace, "c.py"))


def test_a_folder_meets_a_name_elsewhere_of_a_file_that_may_be_in_it(workspace):
    os.link(workspace / "src" / "a.py", workspace / "b.py")

    assert meet(file_resources(workspace, "src"), file_resources(workspace, "b.py"))


def test_who_may_write_the_workspace_may_write_a_file_with_two_names_in_it(workspace):
    os.link(workspace / "src" / "a.py", workspace / "b.py")
    parent = Access(writes=frozenset({workspace_resource(workspace)}))

    assert parent.covers(Access(writes=file_resources(workspace, "b.py")))


def test_a_file_with_one_name_has_no_alias(workspace):
    assert not any(ALIASES in resource for resource in file_resources(workspace, "src/a.py"))


@pytest.mark.parametrize("moved", ["src/a.py", "src", "src/a.py/below"])
def test_a_path_through_what_is_unsettled_counts_as_the_whole_workspace(workspace, moved):
    unsettled = frozenset({(*at(workspace), *moved.split("/"))})

    assert file_resources(workspace, "src/a.py", unsettled) == {at(workspace)}
    assert file_resources(workspace, "lib/b.py", unsettled) == {(*at(workspace), "lib", "b.py")}


def test_a_path_outside_that_is_unsettled_is_still_touched(workspace, tmp_path):
    outside = at(tmp_path / "outside")

    touched = file_resources(workspace, f"{tmp_path}/outside", frozenset({outside}))

    assert touched == {outside, at(workspace)}


def test_a_folder_that_was_only_passed_may_be_unsettled_too(workspace):
    unsettled = frozenset({(*at(workspace), "src")})

    assert file_resources(workspace, "src/../b.py", unsettled) == {at(workspace)}


@pytest.mark.parametrize(
    "path", ["a\0b", "\ud800", "a" * 300, "a/" * 5000, "loop/a", "link/../a"], ids=ascii
)
def test_what_cannot_be_told_counts_as_the_whole_workspace(workspace, path):
    (workspace / "loop").symlink_to("loop")
    (workspace / "link").symlink_to("src")

    assert file_resources(workspace, path) == {at(workspace)}


PARTS = st.sampled_from(["..", ".", "", "src", "a.py", "link", "loop", "\0", "\ud800", "~", "\xe9"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PARTS | st.text(max_size=5), max_size=8).map("/".join))
def test_no_path_raises_and_every_one_has_a_resource(workspace, path):
    for name, target in (("link", "src"), ("loop", "loop")):
        if not (workspace / name).is_symlink():
            (workspace / name).symlink_to(target)

    assert file_resources(workspace, path, frozenset({at(workspace / "src")}))


def test_a_tilde_is_a_name(workspace):
    assert file_resources(workspace, "~/a") == {(*at(workspace), "~", "a")}


def test_above_the_root_is_the_root(workspace):
    root = file_resources(workspace, "/../../..")

    assert ("file", "/") in root
    assert file_resources(Path("/"), "etc/../") == {("file", "/")}


async def test_links_may_be_read_on_the_event_loop(workspace):
    (workspace / "link").symlink_to("src")

    assert at(workspace / "src" / "a.py") in file_resources(workspace, "link/a.py")
