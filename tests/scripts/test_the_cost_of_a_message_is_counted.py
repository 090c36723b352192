"""scripts/bench: counts of a trace, goals of rows, the history and its pictures."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bench.costs import trace
from bench.families import FAMILIES
from bench.past import history, plot
from bench.rows import Row

# cleanup(8) asks a server over a socket, and writes a queue file; strace 6.13
CLEANUP = """\
41<cleanup> openat(AT_FDCWD</q>, ""..., O_RDWR|O_CREAT|O_EXCL, 0600) = 11</q/incoming/4AB>
41<cleanup> write(11</q/incoming/4AB>, ""..., 4096) = 4096
41<cleanup> connect(12<socket:[881]>, {sa_family=AF_UNIX, sun_path=""...}, 110) = 0
41<cleanup> write(12<socket:[881]>, ""..., 30) = 30
41<cleanup> read(12<socket:[881]>,  <unfinished ...>
42<qmgr> epoll_wait(3<anon_inode:[eventpoll]>, [], 100, 100) = 0
41<cleanup> <... read resumed>""..., 4096) = 34
41<cleanup> write(11</q/incoming/4AB>, ""..., 904) = 904
41<cleanup> fsync(11</q/incoming/4AB>) = 0
41<cleanup> rename(""..., ""...) = 0
41<cleanup> unlink(""...) = -1 ENOENT (No such file or directory)
41<cleanup> --- SIGALRM {si_signo=SIGALRM} ---
41<cleanup> close(12<socket:[881]>) = 0
""".splitlines()
# the other end of it, whose number the kernel then uses again
SERVER = """\
50<auth> accept4(5<socket:[3]>, NULL, NULL, SOCK_CLOEXEC) = 9<socket:[882]>
50<auth> read(9<socket:[882]>, ""..., 100) = 30
50<auth> write(9<socket:[882]>, ""..., 34) = 34
50<auth> read(9<socket:[882]>, ""..., 100) = 30
50<auth> read(9<socket:[882]>, 0x7f, 100) = -1 EAGAIN (Resource temporarily unavailable)
50<auth> connect(10<socket:[882]>, {sa_family=AF_INET}, 16) = -1 EINPROGRESS (Operation now)
50<auth> read(10<socket:[882]>, ""..., 100) = 20
50<auth> sendto(10<socket:[882]>, ""..., 9, 0, NULL, 0) = 9
50<auth> recvfrom(10<socket:[882]>, ""..., 100, 0, NULL, NULL) = 20
50<auth> recvfrom(10<socket:[882]>, ""..., 100, 0, NULL, NULL) = 20
""".splitlines()


def test_each_program_is_counted() -> None:
    """Failed calls are calls, but change nothing."""
    found = trace.counted(CLEANUP)

    assert found["qmgr"] == trace.Counts(system_calls=1)
    assert found["cleanup"] == trace.Counts(
        system_calls=10, disk_syncs=1, bytes_written=5000, directory_changes=2, round_trips=1
    )


def test_round_trips_are_the_clients() -> None:
    """Who connects or sends first is the client; a server's greeting is no round trip."""
    assert trace.counted(SERVER)["auth"].round_trips == 1


def test_a_connection_from_before_has_its_client() -> None:
    """The end that sends first."""
    lines = [
        '7<lmtp> write(12<socket:[7]>, ""..., 10) = 10',
        '7<lmtp> read(12<socket:[7]>, ""..., 4096) = 20',
        '8<server> read(9<socket:[8]>, ""..., 4096) = 10',
        '8<server> write(9<socket:[8]>, ""..., 20) = 20',
        '8<server> read(9<socket:[8]>, ""..., 4096) = 10',
    ]

    found = trace.counted(lines)

    assert (found["lmtp"].round_trips, found["server"].round_trips) == (1, 0)


ROW = Row(name="local", figure="ms", unit="ms", most=10, most_ratio=1.25)


@pytest.mark.parametrize(
    ("ours", "bare", "reached"), [(5, 5, True), (5, 3, False), (11, 11, False), (5, None, False)]
)
def test_a_goal_is_met_as_a_whole(ours: float, bare: float | None, reached: bool) -> None:
    """And a ratio only beside a figure of the bare relay."""
    assert ROW.reached(ours, bare) is reached
    assert ROW.target() == "at most 10 ms, at most 1.25 x bare"


def test_rows_have_names_of_their_own() -> None:
    """In the table, in results and in the history; a bare figure is that of another row."""
    rows = [(family.key(row), row) for family in FAMILIES for row in family.rows]
    keys = [key for key, _ in rows]

    assert len(set(keys)) == len(keys)
    assert len({row.name for _, row in rows}) == len(rows)
    assert {row.bare_key for _, row in rows} - {None} <= set(keys)


def test_the_history_grows(tmp_path: Path) -> None:
    """A run is appended with machine and commit, and what was there stays."""
    file = tmp_path / "history.json"
    history.append("speed", {"local.noticed_median_ms": {"ours": 8.04671, "bare": 7.5}}, file)
    first = history.read(file)
    history.append("model", {"local.system_calls": {"ours": 1200.0}}, file)

    entries = history.read(file)
    assert entries[0] == first[0]
    assert [entry["kind"] for entry in entries] == ["speed", "model"]
    assert entries[0]["figures"] == {"local.noticed_median_ms": {"bare": 7.5, "ours": 8.047}}
    assert {"processor", "cores", "memory_gib", "kernel"} == set(entries[0]["machine"])


def test_pictures_are_those_of_the_history() -> None:
    """docs/performance has what `scripts/bench plot` draws."""
    entries = history.read()

    assert json.loads(history.FILE.read_text()) == entries
    for name, panels in (("speed", plot.speed(entries)), ("model", plot.model(entries))):
        drawn = (plot.FOLDER / f"{name}.svg").read_text()
        assert drawn == plot.svg(panels)
        ET.fromstring(drawn)


def test_a_graph_has_a_line_for_each_side() -> None:
    """With a gap where a run has no figure of a side."""
    panel = plot.Panel(
        title="a & b",
        goal=4,
        entries=[{"ours": 3, "bare": 2}, {"ours": 5}],
        labels=["aaaaaaa", "bbbbbbb"],
    )

    drawn = plot.svg([panel])

    assert drawn.count("<path") == 1
    assert drawn.count("<circle") == 3 + 2  # and the legend
    assert "a &amp; b" in drawn
