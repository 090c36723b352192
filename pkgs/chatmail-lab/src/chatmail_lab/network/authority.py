"""The lab's private certificate authority."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatmail_lab.machine.commands import run

VALID_DAYS = 30
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate with its issuer, and its key, as PEM texts."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority, whose files are in a directory."""

    directory: Path

    @property
    def certificate_path(self) -> Path:
        """The file of its own certificate."""
        return self.directory / "ca.pem"

    @property
    def bundle_path(self) -> Path:
        """The file of all trusted authorities, this machine's and the lab's, for the client."""
        return self.directory / "bundle.pem"

    @property
    def certificate(self) -> str:
        """Its own certificate as PEM text."""
        return self.certificate_path.read_text()

    @property
    def hash_name(self) -> str:
        """The name by which OpenSSL finds it in a directory of certificates."""
        out = run(["openssl", "x509", "-hash", "-noout", "-in", str(self.certificate_path)]).stdout
        return f"{out.strip()}.0"

    def create(self) -> None:
        """Make its key and certificate."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        run(
            [
                *("openssl", "req", "-x509", *_KEY, "-days", str(VALID_DAYS)),
                *("-subj", "/CN=Chatmail lab"),
                *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
                *("-keyout", str(self.directory / "ca.key"), "-out", str(self.certificate_path)),
            ]
        )
        machine = Path("/etc/ssl/certs/ca-certificates.crt")
        known = machine.read_text() if machine.exists() else ""
        self.bundle_path.write_text(known + self.certificate)
        self.directory.chmod(0o755)

    def issue(self, names: Sequence[str], *, addresses: Sequence[str]) -> Certificate:
        """Issue a certificate for DNS names and IP addresses."""
        stem = self.directory / names[0]
        certificate, key = f"{stem}.pem", f"{stem}.key"
        alternatives = ",".join(
            [*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)]
        )
        run(
            [
                *("openssl", "req", "-x509", *_KEY, "-days", str(VALID_DAYS)),
                *("-CA", str(self.certificate_path), "-CAkey", str(self.directory / "ca.key")),
                *("-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}"),
                *("-addext", "basicConstraints=critical,CA:FALSE"),
                *("-addext", "keyUsage=critical,digitalSignature"),
                *("-addext", "extendedKeyUsage=serverAuth,clientAuth"),
                *("-keyout", key, "-out", certificate),
            ]
        )
        issued = Certificate(
            certificate=Path(certificate).read_text() + self.certificate, key=Path(key).read_text()
        )
        Path(key).unlink()
        return issued
