"""Faults of DNS and of the network."""

from __future__ import annotations

from typing import Final

from fault_table.fault import GAP, Fault, failing

KEY: Final = "/var/lib/chatmail/dkim/chatmail.private"
UNBOUND: Final = "/etc/unbound/unbound.conf"
# systemd starts a unit five times in 10 s, and several faults restart it
RESTARTED: Final = "systemctl reset-failed unbound; systemctl restart unbound"


def _dropped(chain: str, port: int) -> str:
    """A script with a rule that drops packets to a TCP port."""
    interface = "iif" if chain == "input" else "oif"
    rule = f'{interface} != "lo" meta l4proto {{ tcp, udp }} th dport {port} drop;'
    hook = f"type filter hook {chain} priority 0;"
    return f"nft 'table inet fault {{ chain c {{ {hook} {rule} }}; }}'"


ACCEPT: Final = "nft delete table inet fault"
RULES: Final = "check the rules of this machine: nft list ruleset; then ask "


def _silent(ingress: str, port: int, check: str, other: str, sentence: str) -> Fault:
    """Nothing comes in any more, for eight days."""
    directory = "filter-metrics" if ingress == "smtp" else "transport-metrics"
    file = f"/run/chatmail/{directory}/last-{ingress}-in"
    return Fault(
        name=f"a firewall blocks port {port} inwards",
        provoke=f"{_dropped('input', port)}; : > {file}; touch -d '8 days ago' {file}",
        undo=f"{ACCEPT}; touch {file}",
        checks=(check,),
        sentence=f"{check}: …{sentence} (selftest {GAP} ago)",
        is_note=True,
        repair=f"from another machine: nc -vz … {port}; if that fails: openFirewall, the router,"
        f" then the provider ({other})",
        port=port,
        metric=f'chatmail_last_offer_timestamp_seconds{{ingress="{ingress}"}}',
        alert="ChatmailNothingComesIn",
        labels={"ingress": ingress},
    )


def _resolver_says(zone: str) -> str:
    """A script after which the resolver of the relay has these lines of configuration."""
    lines = f"cp {UNBOUND} {UNBOUND}.usual\ncat >> {UNBOUND} <<END\nserver:\n{zone}\nEND\n"
    return f"{lines}{RESTARTED}"


USUAL_RESOLVER: Final = f"mv {UNBOUND}.usual {UNBOUND}; {RESTARTED}"

FAULTS: Final = (
    failing(
        "resolver",
        "the resolver answers, but finds no name of others: mail waits, in and out",
        f"{RULES}its provider about port 53, UDP and TCP, outgoing; journalctl --unit unbound",
        name="DNS is not resolved",
        provoke=f"{_dropped('output', 53)}; {RESTARTED}",
        undo=f"{ACCEPT}; {RESTARTED}",
        command="nft list ruleset",
        shows="table inet fault",
    ),
    failing(
        "dkim",
        f"the key {KEY} is missing: others will refuse our mail",
        f"restore {KEY} from a backup; without one: systemctl restart chatmail-filter makes a new"
        " key; then publish what `chatmail dns` prints",
        name="the DKIM key is missing",
        provoke=f"mv {KEY} {KEY}.kept",
        undo=f"mv {KEY}.kept {KEY}",
        command="systemctl restart chatmail-filter",
    ),
    failing(
        "dkim",
        "chatmail._domainkey.… is not published: other servers refuse our mail",
        "publish the record that `chatmail dns` prints; then chatmail dns --check",
        name="the DKIM key is not published",
        provoke=_resolver_says('  local-zone: "chatmail._domainkey.$RELAY." static'),
        undo=USUAL_RESOLVER,
        command="chatmail dns",
        shows="chatmail._domainkey",
    ),
    failing(
        "dns",
        "the A record is not an IP address of …",
        "publish what `chatmail dns` prints; `chatmail dns --check` says what is wrong",
        name="a DNS record is wrong",
        provoke=_resolver_says(
            '  local-zone: "$RELAY." typetransparent\n  local-data: "$RELAY. 1 IN A 192.0.2.250"'
        ),
        undo=USUAL_RESOLVER,
        command="chatmail dns",
        shows=" IN A ",
    ),
    failing(
        "port-25-out",
        "blocked outwards: none of … mail servers answered within 4 s; port 443 is open (…), so"
        " mail to other relays still goes by HTTPS; mail to classic servers waits in the queue,"
        " then returns",
        f"{RULES}the provider of this machine to open TCP port 25 outwards",
        name="a firewall blocks port 25 outwards",
        provoke=_dropped("output", 25),
        undo=ACCEPT,
        alone=True,
        command="nft list ruleset",
        shows="table inet fault",
    ),
    failing(
        "mxdeliv-out",
        "none of … other relays can be reached on port 443: mail to relays goes by SMTP, or waits",
        f"{RULES}its provider about TCP port 443, outgoing",
        name="a firewall blocks port 443 outwards",
        provoke=_dropped("output", 443),
        undo=ACCEPT,
        alone=True,
        command="nft list ruleset",
        shows="table inet fault",
    ),
    _silent(
        "smtp",
        25,
        "port-25-in",
        "relays then still deliver by HTTPS on port 443",
        "no mail server of others offered mail since …, so it is unknown whether port 25 is open"
        " inwards",
    ),
    _silent(
        "https",
        443,
        "mxdeliv-in",
        "relays then still deliver on port 25",
        "no other relay offered mail over HTTPS for 8 days, so it is unknown whether port 443 is"
        " open inwards",
    ),
)
