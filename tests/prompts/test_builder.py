"""Parts to one stable string."""

import os

from prompts import SystemPrompt, build
from prompts.builder import LIMIT


def test_the_same_parts_give_the_same_bytes(tmp_path):
    prompt = SystemPrompt(tmp_path, tool_notes=["one", "two"])
    assert build(prompt) == build(SystemPrompt(tmp_path, tool_notes=("one", "two")))


def test_it_tells_role_environment_instructions_efficiency_and_notes_in_this_order(tmp_path):
    (tmp_path / "AGENTS.md").write_text("Use tabs.\n")
    (tmp_path / "CLAUDE.md").write_text("Run make lint.\n")
    text = build(SystemPrompt(tmp_path, tool_notes=["grep: prefer it", "", "shell: last resort"]))
    told = [
        "You are an agent",
        f"- Workspace: {tmp_path}",
        "# From the workspace's AGENTS.md\n\nUse tabs.",
        "# From the workspace's CLAUDE.md\n\nRun make lint.",
        "# Working efficiently",
        "in one reply",
        "# Notes on the tools\n\ngrep: prefer it\n\nshell: last resort\n",
    ]
    places = [text.index(part) for part in told]
    assert places == sorted(places)


def test_an_own_role_replaces_ours(tmp_path):
    text = build(SystemPrompt(tmp_path, role="You are a gardener."))
    assert text.startswith("You are a gardener.\n\n# Environment")
    assert "You are an agent" not in text


def test_files_that_are_missing_empty_links_folders_or_pipes_are_left_out(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the canary")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    bare = build(SystemPrompt(workspace))
    (workspace / "AGENTS.md").symlink_to(secret)
    os.mkfifo(workspace / "CLAUDE.md")
    assert build(SystemPrompt(workspace)) == bare
    (workspace / "AGENTS.md").unlink()
    (workspace / "AGENTS.md").mkdir()
    assert build(SystemPrompt(workspace)) == bare
    (workspace / "CLAUDE.md").unlink()
    (workspace / "CLAUDE.md").write_text(" \n")
    assert build(SystemPrompt(workspace)) == bare


def test_huge_and_undecodable_files_are_cut_and_survived(tmp_path):
    (tmp_path / "AGENTS.md").write_bytes(b"\xff" + b"x" * LIMIT)
    text = build(SystemPrompt(tmp_path))
    assert f"[... cut at {LIMIT:,} bytes ...]" in text
    assert "\ufffdx" in text
