"""Compare the Postfix and Dovecot configuration of the lab and of a NixOS machine.

`compare.py NIXOS LAB`: folders with main.cf, master.cf and dovecot.conf. postconf and doveconf
read them. Exits 1 if a difference is not in DIFFERENCES.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# pattern of an allowed line -> reason
DIFFERENCES = {
    r"(command|config|daemon|html|manpage|meta|readme|sample|shlib)_directory =": "packages",
    r"(mailq|newaliases|sendmail)_path =": "packages",
    r"\s*(LD_PRELOAD|executable) =": "packages",
    r"mail_plugin_dir =": "packages",
    r"# .*": "doveconf's own heading",
    r"compatibility_level =": "NixOS sets the version of its package, the lab that of Debian",
    r"default_privs = nobody": "NixOS sets the default of Postfix",
    r"mail_spool_directory =": "NixOS' default; the relay has no local mailboxes",
    r"mynetworks_style = host": "without effect, because mynetworks is set",
    r"(relay_domains|relayhost) =$": "NixOS sets the default of Postfix",
    r"(local|virtual) +unix": "NixOS runs both outside a chroot; the relay uses neither",
    r"default_login_user =": "the lab sets the default of Dovecot",
    r"pop3_uidl_format =": "NixOS' default; the relay has no POP3",
    r"maildir \{|  copy_with_hardlinks = yes|\}$": "NixOS sets the default of Dovecot",
}
# doveconf checks that files and users exist: (pattern, replacement that exists in a build)
ABSENT = (
    (r"^( *mail_plugin_dir) = .*$", r"\1 = /"),
    (r"^( *ssl_[a-z_]*_file) = .*$", r"\1 = /etc/passwd"),
    # Dovecot needs both if one is set
    (r"^ *default_login_user = .*\n", ""),
    (
        r"^( *)default_internal_user = .*$",
        r"\1default_internal_user = nobody\n\1default_login_user = nobody",
    ),
    (r"^( *default_internal_group) = .*$", r"\1 = nogroup"),
)


def postfix(folder: Path) -> list[str]:
    """Parameters, services and options of services, sorted."""
    lines: list[str] = []
    for option in ("-n", "-M", "-P"):
        shown = _output("postconf", "-c", str(folder), option)
        lines += sorted(re.sub(r" +", " ", line) for line in shown.splitlines())
    return lines


def dovecot(folder: Path) -> list[str]:
    """The settings that differ from the defaults of Dovecot."""
    text = (folder / "dovecot.conf").read_text()
    for pattern, replacement in ABSENT:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        return _output("doveconf", "-c", file.name, "-n").splitlines()


def differences(nixos: list[str], lab: list[str]) -> list[str]:
    """Lines of a diff that are not in DIFFERENCES."""
    changed = [line for line in difflib.ndiff(lab, nixos) if line[:2] in ("- ", "+ ")]
    return [line for line in changed if not any(re.match(known, line[2:]) for known in DIFFERENCES)]


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def main(nixos: Path, lab: Path) -> int:
    """Print the differences: `-` is a line of the lab, `+` one of NixOS."""
    found = differences(postfix(nixos), postfix(lab)) + differences(dovecot(nixos), dovecot(lab))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
