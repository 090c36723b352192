"""services.coturn -> turnserver.conf, as NixOS writes it."""

from chatmail_lab.errors import LabError
from chatmail_lab.render.files import File, text
from chatmail_lab.render.values import Attrs

# option -> whether it is a flag that is written alone, without a value
VALUES = frozenset(
    {
        *("listening-port", "tls-listening-port", "alt-listening-port", "alt-tls-listening-port"),
        *("min-port", "max-port", "realm", "cert", "pkey", "dh-file", "static-auth-secret"),
    }
)
FLAGS = frozenset(
    {
        *("lt-cred-mech", "no-auth", "use-auth-secret", "secure-stun", "no-cli", "no-udp"),
        *("no-tcp", "no-tls", "no-dtls", "no-udp-relay", "no-tcp-relay"),
    }
)
REPEATED = {"listening-ips": "listening-ip", "relay-ips": "relay-ip"}
ELSEWHERE = frozenset({"enable", "extraConfig", "static-auth-secret-file"})


def turnserver_conf(coturn: Attrs) -> str:
    """Text of turnserver.conf; the secret of static-auth-secret-file is added by the unit.

    Raises:
        LabError: an option that the lab does not know.
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
        elif name not in ELSEWHERE:
            raise LabError(f"the lab cannot render `services.coturn.{name}'")
    return "\n".join([*lines, coturn.get("extraConfig", "")]).rstrip() + "\n"


def render(coturn: Attrs) -> list[File]:
    """Files of coturn."""
    return [text("/etc/turnserver.conf", turnserver_conf(coturn))]
