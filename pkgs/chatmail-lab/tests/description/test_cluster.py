"""services.chatmail.cluster of the lab's machines."""

from chatmail_lab.description.cluster import cluster_values
from chatmail_lab.plan import plan_hosts


def test_all_machines_of_a_cluster_have_the_same_values_but_their_name() -> None:
    """A relay of one machine has none."""
    hosts = plan_hosts(["a.test=1+2", "b.test", "c.test=1+1"])
    values = cluster_values(hosts, lambda host: f"key of {host.name}")

    assert [host.name for host in hosts if host.is_member] == list(values)
    assert values["store2.a.test"] == values["front1.a.test"] | {"machine": "store2"}
    assert values["front1.a.test"]["fronts"] == {
        "front1": {"host": "front1.a.test", "publicKey": "key of front1.a.test"}
    }
    assert list(values["front1.a.test"]["stores"]) == ["store1", "store2"]
