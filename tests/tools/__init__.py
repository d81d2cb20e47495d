"""The tools on real programs: git, ruff, pytest, shells that misbehave."""
