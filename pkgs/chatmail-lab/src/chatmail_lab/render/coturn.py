"""services.coturn -> turnserver.conf, as NixOS writes it."""

from chatmail_lab.errors import LabError
from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs

# options that are written as name=value
VALUES = frozenset(
    {
        *("listening-port", "tls-listening-port", "alt-listening-port", "alt-tls-listening-port"),
        *("min-port", "max-port", "realm", "cert", "pkey", "dh-file", "static-auth-secret"),
    }
)
# options that are written as their name alone
FLAGS = frozenset(
    {
        *("lt-cred-mech", "no-auth", "use-auth-secret", "secure-stun", "no-cli", "no-udp"),
        *("no-tcp", "no-tls", "no-dtls", "no-udp-relay", "no-tcp-relay"),
    }
)
# lists, written as one line an item
REPEATED = {"listening-ips": "listening-ip", "relay-ips": "relay-ip"}
# options that another function, or the unit, handles
HANDLED_ELSEWHERE = frozenset({"enable", "extraConfig", "static-auth-secret-file"})


def turnserver_conf(coturn: Attrs) -> str:
    """Return turnserver.conf; its unit adds the secret of static-auth-secret-file.

    Raises:
        LabError: The lab does not know an option.
    """
    lines = []
    for name in sorted(coturn):
        value = coturn[name]
        if name in FLAGS:
            lines += [name] if value else []
        elif name in VALUES:
            lines += [] if value is None else [f"{name}={value}"]
        elif name in REPEATED:
            lines += [f"{REPEATED[name]}={item}" for item in value]
        elif name not in HANDLED_ELSEWHERE:
            raise LabError(f"the lab cannot render `services.coturn.{name}`")
    return "\n".join([*lines, coturn.get("extraConfig", "")]).rstrip() + "\n"


def render(coturn: Attrs) -> list[File]:
    """Return the files of coturn."""
    return [text_file("/etc/turnserver.conf", turnserver_conf(coturn))]
