"""A repository that wants to run something, in each way that is known, does not get to.

Each attack is first shown to work on plain git, so that the test could fail.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import git_diff_async, git_status_async
from tools.git_safety import SETTINGS, VARIABLES, switched_off
from tools.results import RunResult

from .repository import Repository, Trap

Attack = Callable[[Repository, Trap], None]
ATTACKS: list[tuple[Attack, str]] = []
"""Each with the plain command that it springs the trap on; "" when only ours is tried."""


def sprung_by(command: str) -> Callable[[Attack], Attack]:
    def register(attack: Attack) -> Attack:
        ATTACKS.append((attack, command))
        return attack

    return register


# Programs that the configuration names


@sprung_by("status")
def fsmonitor(repository: Repository, trap: Trap) -> None:
    repository.configure(f"[core]\nfsmonitor = {trap.program}")


@sprung_by("status")
def hook(repository: Repository, trap: Trap) -> None:
    (repository.folder / ".git/hooks/post-index-change").symlink_to(trap.program)


@sprung_by("diff")
def hook_of_the_refresh_in_diff(repository: Repository, trap: Trap) -> None:
    (repository.folder / ".git/hooks/post-index-change").symlink_to(trap.program)


@sprung_by("status")
def hooks_elsewhere(repository: Repository, trap: Trap) -> None:
    (trap.program.parent / "post-index-change").symlink_to(trap.program)
    repository.configure(f"[core]\nhooksPath = {trap.program.parent}")


@sprung_by("diff")
def external_diff(repository: Repository, trap: Trap) -> None:
    repository.write("a.txt", "two\n")
    repository.configure(f"[diff]\nexternal = {trap.program}")


@sprung_by("diff")
def diff_driver(repository: Repository, trap: Trap) -> None:
    repository.write("a.txt", "two\n")
    repository.write(".gitattributes", "* diff=mine\n")
    repository.configure(f'[diff "mine"]\ncommand = {trap.program}')


@sprung_by("diff --cached")
def diff_driver_of_what_is_staged(repository: Repository, trap: Trap) -> None:
    diff_driver(repository, trap)
    repository.git("add", "a.txt")


@sprung_by("diff")
def text_conversion(repository: Repository, trap: Trap) -> None:
    repository.write("a.txt", "two\n")
    repository.write(".gitattributes", "* diff=mine\n")
    repository.configure(f'[diff "mine"]\ntextconv = {trap.program}\ncachetextconv = true')


@sprung_by("")
def pager(repository: Repository, trap: Trap) -> None:
    repository.configure(f"[core]\npager = {trap.program}\n[pager]\nstatus = {trap.program}")
    repository.configure(f"diff = {trap.program}")


@sprung_by("")
def aliases(repository: Repository, trap: Trap) -> None:
    run = f"!{trap.program}"
    repository.configure(f'[alias]\nstatus = "{run}"\ndiff = "{run}"\nconfig = "{run}"')


@sprung_by("")
def everything_else(repository: Repository, trap: Trap) -> None:
    program = trap.program
    repository.write("a.txt", "two\n")
    (repository.folder / ".git/objects/info/alternates").write_text(f"{program.parent}\n")
    repository.configure(
        f"""
        [core]
            editor = {program}
            askPass = {program}
            sshCommand = {program}
            gitProxy = {program}
            alternateRefsCommand = {program}
        [gpg]
            program = {program}
        [log]
            showSignature = true
        [credential]
            helper = !{program}
        [interactive]
            diffFilter = {program}
        [merge "mine"]
            driver = {program}
        [uploadpack]
            packObjectsHook = {program}
        [trace2]
            eventTarget = {program.parent}
        [hook "mine"]
            command = {program}
            event = post-index-change
        """
    )


# Filters


def filtered(repository: Repository, trap: Trap, name: str, key: str = "clean") -> None:
    repository.write(".gitattributes", f"* filter={name}\n")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    repository.configure(f'[filter "{quoted}"]\n{key} = {trap.program}\nrequired = true')
    repository.write("a.txt", "two\n")


def filter_attack(name: str, key: str = "clean") -> None:
    def attack(repository: Repository, trap: Trap) -> None:
        filtered(repository, trap, name, key)

    attack.__name__ = f"filter {name!r} {key}"
    sprung_by("diff")(attack)


for odd in ("mine", "a.b=c", "=", "UP.Per", "-c", "é", 'q"q', "b\\s", "clean"):
    filter_attack(odd)
filter_attack("mine", "process")
filter_attack("a.b=c", "process")


@sprung_by("status")
def filter_in_status(repository: Repository, trap: Trap) -> None:
    filtered(repository, trap, "mine")
    repository.write("a.txt", "one\n")


@sprung_by("diff")
def filter_of_no_name(repository: Repository, trap: Trap) -> None:
    filtered(repository, trap, "")


@sprung_by("diff")
def filter_with_a_name_that_is_not_text(repository: Repository, trap: Trap) -> None:
    name = b"\xff\xfe"
    (repository.folder / ".gitattributes").write_bytes(b"* filter=" + name + b"\n")
    with (repository.folder / ".git/config").open("ab") as config:
        config.write(b'[filter "' + name + b'"]\nclean = ' + bytes(trap.program) + b"\n")
    repository.write("a.txt", "two\n")


@sprung_by("diff")
def filter_in_an_included_file(repository: Repository, trap: Trap) -> None:
    filtered(repository, trap, "mine")
    (repository.folder / ".git/config").rename(repository.folder / "included")
    repository.configure("[core]\nrepositoryFormatVersion = 0\n[include]\npath = ../included")


@sprung_by("diff")
def filter_in_a_conditional_include(repository: Repository, trap: Trap) -> None:
    filter_in_an_included_file(repository, trap)
    config = repository.folder / ".git/config"
    config.write_text(config.read_text().replace("[include]", '[includeIf "onbranch:main"]'))


@sprung_by("diff")
def filter_in_the_configuration_of_the_work_tree(repository: Repository, trap: Trap) -> None:
    repository.configure("[extensions]\nworktreeConfig = true")
    repository.configure(f"[filter.Mine]\nclean = {trap.program}", ".git/config.worktree")
    repository.write(".gitattributes", "* filter=mine\n")
    repository.write("a.txt", "two\n")


@sprung_by("diff")
def filter_by_attributes_in_the_git_folder(repository: Repository, trap: Trap) -> None:
    filtered(repository, trap, "mine")
    (repository.folder / ".gitattributes").rename(repository.folder / ".git/info/attributes")


@sprung_by("diff")
def filter_by_attributes_elsewhere(repository: Repository, trap: Trap) -> None:
    filtered(repository, trap, "mine")
    (repository.folder / ".gitattributes").rename(repository.folder / "attributes")
    repository.configure("[core]\nattributesFile = attributes")


# Objects that would have to be fetched


def without_object(repository: Repository, remote: str) -> None:
    name = repository.git("rev-parse", "HEAD:a.txt").strip()
    (repository.folder / ".git/objects" / name[:2] / name[2:]).unlink()
    repository.write("a.txt", "two\n")
    repository.configure(
        f"""
        [core]
            repositoryFormatVersion = 1
        [extensions]
            partialClone = origin
        [protocol]
            allow = always
        [remote "origin"]
            promisor = true
            partialCloneFilter = blob:none
            {remote}
        """
    )


@sprung_by("diff")
def fetch_by_a_program(repository: Repository, trap: Trap) -> None:
    without_object(repository, f"url = ext::{trap.program}")


@sprung_by("diff")
def fetch_from_a_folder(repository: Repository, trap: Trap) -> None:
    without_object(repository, f"url = {repository.folder}\nuploadpack = {trap.program}")


@sprung_by("diff")
def fetch_by_ssh(repository: Repository, trap: Trap) -> None:
    without_object(repository, "url = ssh://host/path")
    repository.configure(f"[core]\nsshCommand = {trap.program}")


# Repositories in the repository


def with_submodule(repository: Repository) -> None:
    inner = Repository(repository.folder.with_name("inner"))
    repository.git(
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"),
        *(str(inner.folder), "module"),
    )
    repository.commit("module")


@sprung_by("status")
def submodule(repository: Repository, trap: Trap) -> None:
    with_submodule(repository)
    repository.configure(f"[core]\nfsmonitor = {trap.program}", ".git/modules/module/config")


@sprung_by("status")
def submodule_with_a_filter(repository: Repository, trap: Trap) -> None:
    with_submodule(repository)
    config = f'[filter "mine"]\nclean = {trap.program}'
    repository.configure(config, ".git/modules/module/config")
    repository.write(".git/modules/module/info/attributes", "* filter=mine\n")
    repository.write("module/a.txt", "two\n")


@sprung_by("diff")
def diff_of_a_submodule(repository: Repository, trap: Trap) -> None:
    with_submodule(repository)
    repository.write("module/a.txt", "two\n")
    repository.git("commit", "--quiet", "--all", "--message=two", cwd=repository.folder / "module")
    repository.configure(f"[diff]\nexternal = {trap.program}", ".git/modules/module/config")
    repository.configure("[diff]\nsubmodule = diff\n[status]\nsubmoduleSummary = true")


@pytest.mark.parametrize(
    ("attack", "command"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS]
)
async def test_nothing_of_a_hostile_repository_runs(
    attack: Attack, command: str, repository: Repository, trap: Trap
):
    attack(repository, trap)
    repository.make_stale()
    if command:
        repository.git(*command.split())
        assert trap.sprung(), "the attack does not work on plain git: it proves nothing"
        repository.make_stale()

    for result in await every_look(repository.folder):
        assert not trap.sprung()
        if not attack.__name__.startswith("fetch"):
            assert (result["status"], result["error"]) == ("success", None)


async def every_look(folder: Path) -> list[RunResult]:
    return [
        await git_status_async(folder),
        await git_diff_async(folder),
        await git_diff_async(folder, staged=True),
        await git_diff_async(folder, path="a.txt"),
    ]


async def test_a_folder_that_looks_like_a_repository_is_not_taken_for_one(
    repository: Repository, trap: Trap
):
    bare = repository.folder / "docs"
    repository.git("clone", "--quiet", "--bare", ".", str(bare))
    repository.git("read-tree", "HEAD", cwd=bare)
    (bare / "config").write_text("[core]\nrepositoryFormatVersion = 0\nbare = false\n")
    repository.configure(f"worktree = {bare}\nfsmonitor = {trap.program}", "docs/config")
    repository.git("status", cwd=bare)
    assert trap.sprung()

    results = await every_look(bare)

    assert not trap.sprung()
    assert {result["status"] for result in results} == {"failed"}
    assert str(results[0]["error"]).startswith("this folder is a bare repository")


@pytest.mark.parametrize("attack", [fetch_by_a_program, fetch_from_a_folder, fetch_by_ssh])
@pytest.mark.parametrize("known", [True, False])
async def test_a_missing_object_is_told_and_not_fetched(
    attack: Attack,
    known: bool,
    repository: Repository,
    trap: Trap,
    monkeypatch: pytest.MonkeyPatch,
):
    attack(repository, trap)
    if not known:  # to this git, which is older; then the transports are what is closed
        monkeypatch.delitem(VARIABLES, "GIT_NO_LAZY_FETCH")

    result = await git_diff_async(repository.folder)

    assert not trap.sprung()
    assert result["status"] == "failed"
    assert str(result["error"]).startswith("this is a partial clone, and an object is missing")


@pytest.mark.parametrize("work_tree", ["/", "../elsewhere", ".."])
async def test_a_repository_that_claims_files_outside_is_not_read(
    work_tree: str, repository: Repository
):
    secret = repository.folder.with_name("elsewhere") / "a.txt"
    secret.parent.mkdir()
    secret.write_text("secret\n")
    repository.configure(f"[core]\nworktree = {repository.folder / work_tree}")
    if work_tree == "../elsewhere":
        assert "secret" in repository.git("--work-tree", str(secret.parent), "diff")

    for result in await every_look(repository.folder):
        assert (result["status"], result["output"]) == ("failed", "")
        assert "core.worktree" in str(result["error"])


async def test_a_submodule_itself_can_be_looked_at(repository: Repository, trap: Trap):
    submodule_with_a_filter(repository, trap)

    results = await every_look(repository.folder / "module")

    assert not trap.sprung()
    assert results[0]["output"] == "## main...origin/main\n M a.txt\n"


async def test_a_configuration_too_long_to_look_through_is_refused(
    repository: Repository, trap: Trap
):
    chaff = "\n".join(f"[a{n}]\n{'b' * 1_000} = 1" for n in range(600))
    repository.configure(chaff)
    filtered(repository, trap, "mine")
    repository.configure(chaff)

    results = await every_look(repository.folder)

    assert not trap.sprung()
    assert {result["error"] for result in results} == {
        "the repository's configuration is too long to be looked through"
    }


async def test_more_filters_than_can_be_switched_off_are_refused(
    repository: Repository, trap: Trap
):
    filtered(repository, trap, "mine")
    repository.configure("\n".join(f'[filter "{n}"]\nclean = x' for n in range(500)))

    results = await every_look(repository.folder)

    assert not trap.sprung()
    assert {result["error"] for result in results} == {
        "the repository has more filters and hooks than can be switched off"
    }


async def test_a_repository_cannot_change_how_a_diff_looks(repository: Repository):
    repository.write("sub/b.txt", "one\n")
    repository.commit("sub")
    repository.write("a.txt", "two\n")
    expected = await git_diff_async(repository.folder)
    os.mkfifo(repository.folder / ".git/order")
    repository.configure(
        f"""
        [color]
            ui = always
            diff = always
            status = always
        [diff]
            noprefix = true
            mnemonicPrefix = true
            relative = true
            orderFile = {repository.folder}/.git/order
        [status]
            showUntrackedFiles = no
            short = false
        """
    )
    repository.write("new.txt", "x")

    results = [await git_diff_async(repository.folder / folder) for folder in (".", "sub")]
    status = await git_status_async(repository.folder)

    assert [result["output"] for result in results] == [expected["output"]] * 2
    assert status["output"] == "## main\n M a.txt\n?? new.txt\n"


@pytest.mark.parametrize("locked", [False, True])
async def test_looking_changes_nothing_and_waits_for_no_lock(locked: bool, repository: Repository):
    repository.make_stale()
    if locked:
        (repository.folder / ".git/index.lock").touch()
    before = contents(repository.folder)

    results = await every_look(repository.folder)

    assert {result["status"] for result in results} == {"success"}
    assert contents(repository.folder) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_each_filter_and_each_hook_is_switched_off_by_its_name():
    names = ["filter.a.b.clean", "filter..process", "hook.x.y.command", "hook.z.enabled"]
    others = ["filter.clean", "diff.mine.command", "core.fsmonitor", "hook.jobs", ""]

    assert switched_off([*names, *others]) == {
        "filter.a.b.clean": "",
        "filter.a.b.smudge": "",
        "filter.a.b.process": "",
        "filter.a.b.required": "false",
        "filter..clean": "",
        "filter..smudge": "",
        "filter..process": "",
        "filter..required": "false",
        "hook.x.y.enabled": "false",
        "hook.z.enabled": "false",
    }
    assert SETTINGS["core.hooksPath"] == "/dev/null"
