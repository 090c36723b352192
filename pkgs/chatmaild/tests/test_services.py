"""What the services load: memory that each of them would take all the time."""

import subprocess
import sys

import pytest

from .children import environment

# 0.7 MB in each service
HEAVY = {"click"}
LOADED = """
import sys
import chatmaild.services
import chatmaild.{}.service
print("\\n".join(sys.modules))
"""


@pytest.mark.parametrize(
    ("service", "others"),
    [
        ("accounts", {"cryptography", "dns", "idna", "shutil"}),
        ("directory", {"cryptography", "dns", "idna", "shutil"}),
        ("filter", {"asyncio"}),
        ("transport", {"cryptography", "ctypes", "dns", "idna"}),
        ("monitor", {"cryptography", "dns", "idna"}),
    ],
)
def test_services_load_no_more_than_they_need(service: str, others: set[str]) -> None:
    """docs/performance says what each costs; where an import is late, the source says why."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(service)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert (HEAVY | others) & set(done.stdout.split()) == set()
