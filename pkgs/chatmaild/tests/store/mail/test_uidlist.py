"""Dovecot's list of UIDs, and what an import makes of two of them."""

import tracemalloc

from chatmaild.store.mail.uidlist import Uidlist, merge, parse

LIST = b"""3 V1700000000 N31 G3085f01b7f11094c501100008c4a11c1
7 :1.a,S=5,W=6:2,S
9 G0.first W12 :2.b:2,
"""


def _list(*rows: tuple[int, str], next_uid: int, validity: int = 1700000000) -> Uidlist:
    text = f"3 V{validity} N{next_uid} Gaa\n" + "".join(f"{uid} :{base}\n" for uid, base in rows)
    parsed = parse(text.encode())
    assert parsed is not None
    return parsed


def test_a_list_is_read_and_written() -> None:
    """Names without flags, which are in the directory; the first name of a moved message counts."""
    parsed = parse(LIST)

    assert parsed is not None
    assert (parsed.validity, parsed.next_uid) == (1700000000, 31)
    assert {row.base: (row.uid, row.identity) for row in parsed.rows.values()} == {
        "1.a,S=5,W=6": (7, "1.a,S=5,W=6"),
        "2.b": (9, "0.first"),
    }
    assert parse(parsed.text()) == parsed


def test_damaged_lists() -> None:
    """Without a header there is none; a row that is damaged, or out of order, is left out."""
    for content in (None, b"", b"1 V5 N6\n", b"3 V0 N6\n", b"3 V99999999999 N6\n", b"\x1f\x8b"):
        assert parse(content) is None
    parsed = parse(b"3 V5 N9\n2 :a\n1 :b\nx\n4 :a\n5 :d\n4294967295 :f\n6 " + b"\xff :e\n")

    assert parsed is not None
    assert {row.base: row.uid for row in parsed.rows.values()} == {"a": 2, "d": 5}


def test_a_huge_list_takes_little_memory() -> None:
    """Only rows of messages that are there are kept; the next UID is that after all rows."""
    content = b"3 V5 N3\n" + b"".join(b"%d :%d\n" % (uid, uid) for uid in range(1, 40_000))
    tracemalloc.start()
    parsed = parse(content, {"2", "7"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert parsed is not None
    assert (parsed.next_uid, list(parsed.rows)) == (40_000, ["2", "7"])
    assert peak < 2 * len(content)


def test_rows_that_dovecot_appended() -> None:
    """It leaves the header as it is: the next UID is that after the last row."""
    parsed = parse(b"3 V5 N3\n2 :a\n3 :b\n7 :c\n")

    assert parsed is not None
    assert (parsed.next_uid, list(parsed.rows)) == (8, ["a", "b", "c"])


def test_a_new_folder_gets_the_uids_of_what_came() -> None:
    """And the next UID, also for messages that did not come; names may have changed."""
    old = _list((3, "a,S=1"), (5, "b"), next_uid=9)

    merged = merge(old, None, {"a,S=1": "a"})

    assert merged.uidlist == _list((3, "a"), next_uid=9)


def test_a_folder_that_nobody_used_follows() -> None:
    """What came to the other relay since gets its UIDs."""
    merged = merge(
        _list((3, "a"), (9, "c"), next_uid=10),
        _list((3, "a"), (5, "b"), next_uid=9),
        {"c": "c"},
        imported={"a", "b"},
    )

    assert merged.uidlist == _list((3, "a"), (5, "b"), (9, "c"), next_uid=10)
    assert not merged.renamed


def test_no_message_hides_behind_a_uid_that_clients_have_seen() -> None:
    """A message that arrived here has a UID of the other relay: it needs a new one."""
    merged = merge(
        _list((3, "a"), (9, "there"), next_uid=10),
        _list((3, "a"), (9, "here"), next_uid=10),
        {"there": "there"},
        imported={"a"},
    )

    assert merged.renamed == {"here"}
    assert merged.uidlist == _list((3, "a"), next_uid=10)


def test_another_uidvalidity_stays() -> None:
    """Dovecot here made its own list first: it gives UIDs to what comes."""
    here = _list((1, "x"), next_uid=2, validity=5)

    assert merge(_list(next_uid=9), here, {}).uidlist is None
    assert merge(None, here, {}).uidlist is None
