"""Tests of `agent.approvals`."""
