"""The command that makes a new certificate; for `chatmail status`, too, which imports little."""


def renewal(mode: str, domain: str) -> str:
    """The command, by the origin of the certificate (`tls.mode` of the settings)."""
    match mode:
        case "acme":
            unit = f"acme-order-renew-{domain}"
            return f"systemctl start {unit}; journalctl --unit {unit}"
        case "files":
            return (
                "renew the files that services.chatmail.tls names;"
                " then systemctl restart chatmail-certificate"
            )
        case _:
            return "systemctl restart chatmail-certificate"
