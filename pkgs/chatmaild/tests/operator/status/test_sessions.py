"""Sessions, from the kernel's table of connections."""

from chatmaild.operator.status.sessions import by_port

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:03E1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0B0200C0:03E1 020200C0:D431 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0B0200C0:03E1 020200C0:D432 06 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 0B0200C0:0019 020200C0:D433 01 00000000:00000000 00:00000000 00000000     0        0 4 1
""".splitlines()


def test_established_connections_are_counted() -> None:
    """Listeners and closed ones are not."""
    assert by_port(TABLE) == {"993": 1, "25": 1}
