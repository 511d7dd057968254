"""Integration tests use the shipped model and the real encoder of the ``offline`` extra; nothing is downloaded."""

from __future__ import annotations

import importlib.util
import os

import pytest

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.weights import OFFLINE_PACKAGE

os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def model() -> AlignmentModel:
    if importlib.util.find_spec(OFFLINE_PACKAGE) is None:
        pytest.fail("the integration tests need the extra: pip install 'jepa-langchain[offline]'")
    return AlignmentModel.load()
