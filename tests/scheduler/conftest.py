"""What the scheduler's tests share."""

import logging

import pytest


@pytest.fixture(scope="module")
def quiet():
    """Approvals that fail, and broken schedulers' tasks, are a part of the test and not news."""
    loggers = [logging.getLogger(name) for name in ("scheduler", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
