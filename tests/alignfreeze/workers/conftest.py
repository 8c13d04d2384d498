"""Fixtures of the workers' tests."""

import gc

import pytest


@pytest.fixture(autouse=True)
def fewer_objects_to_collect() -> None:
    """What earlier tests have imported is not looked through at the end of each training."""
    gc.freeze()
