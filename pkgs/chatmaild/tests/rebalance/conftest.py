"""Two stores: addresses of the first belong to the second."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from .cluster import Cluster


@pytest.fixture
def cluster(settings_json: dict[str, Any], tmp_path: pathlib.Path) -> Iterator[Cluster]:
    """A store that is drained, and an open one; the services do not run yet."""
    found = Cluster(settings_json, tmp_path, {"store1": 0, "store2": 1})
    yield found
    found.close()
