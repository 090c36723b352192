"""Programs and files of a running lab are replaced."""

import subprocess

from chatmail_lab import Lab

# maps all our libraries, and compares what it has mapped with what it had, once it is told to
MAPPING = """
import ctypes, pathlib

for library in pathlib.Path("/usr/lib/chatmail").iterdir():
    ctypes.CDLL(str(library))

def mapped():
    octets = b""
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        addresses, permissions, *_ = line.split()
        if "/usr/lib/chatmail/" in line and "r" in permissions:
            start, end = (int(address, 16) for address in addresses.split("-"))
            octets += ctypes.string_at(start, end - start)
    return octets

before = mapped()
print(len(before) > 0, flush=True)
input()
print(mapped() == before)
"""


def test_a_running_program_keeps_the_libraries_it_has(running: Lab) -> None:
    """It would crash: a file that is written anew takes the relocated addresses with it."""
    with subprocess.Popen(
        running.command("a.test", ["python3", "-c", MAPPING]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "True\n"
        running.reconfigure()
        program.stdin.write("\n")
        program.stdin.close()
        assert program.stdout.read() == "True\n"
    assert program.returncode == 0
