"""Whether the lab and a NixOS machine run the same Postfix and Dovecot.

`compare.py NIXOS LAB`: folders with main.cf, master.cf and dovecot.conf. Each daemon's own program
reads them; what differs beyond DIFFERENCES is an error.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# what may differ, as a pattern of the line, and why
DIFFERENCES = {
    r"(command|config|daemon|html|manpage|meta|readme|sample|shlib)_directory =": "packages",
    r"(mailq|newaliases|sendmail)_path =": "packages",
    r"\s*(LD_PRELOAD|executable) =": "packages",
    r"mail_plugin_dir =": "packages",
    r"# .*": "doveconf's own heading",
    r"compatibility_level =": "NixOS names its package's version, the lab Debian's",
    r"default_privs = nobody": "NixOS says what Postfix has by itself",
    r"mail_spool_directory =": "NixOS' default; there is no local mailbox",
    r"mynetworks_style = host": "without effect, because mynetworks is set",
    r"(relay_domains|relayhost) =$": "NixOS says what Postfix has by itself",
    r"(local|virtual) +unix": "NixOS runs the two, which the relay does not use, outside a chroot",
    r"default_login_user =": "the lab says what Dovecot has by itself",
    r"pop3_uidl_format =": "NixOS' default; there is no POP3",
    r"maildir \{|  copy_with_hardlinks = yes|\}$": "NixOS says what Dovecot has by itself",
    r"  user = root": "NixOS says what Dovecot has by itself",
}
# what only exists on the machine itself; doveconf wants to see it
ABSENT = (
    (r"^( *mail_plugin_dir) = .*$", r"\1 = /"),
    (r"^( *ssl_[a-z_]*_file) = .*$", r"\1 = /etc/passwd"),
    # Dovecot looks for both wherever one is set
    (r"^ *default_login_user = .*\n", ""),
    (
        r"^( *)default_internal_user = .*$",
        r"\1default_internal_user = nobody\n\1default_login_user = nobody",
    ),
    (r"^( *default_internal_group) = .*$", r"\1 = nogroup"),
)


def postfix(folder: Path) -> list[str]:
    """Parameters, services, and the options of services, sorted."""
    lines: list[str] = []
    for option in ("-n", "-M", "-P"):
        shown = _output("postconf", "-c", str(folder), option)
        lines += sorted(re.sub(r" +", " ", line) for line in shown.splitlines())
    return lines


def dovecot(folder: Path) -> list[str]:
    """The settings that are not Dovecot's own defaults."""
    text = (folder / "dovecot.conf").read_text()
    for pattern, replacement in ABSENT:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        return _output("doveconf", "-c", file.name, "-n").splitlines()


def differences(nixos: list[str], lab: list[str]) -> list[str]:
    """Lines of a diff that DIFFERENCES does not name."""
    changed = [line for line in difflib.ndiff(lab, nixos) if line[:2] in ("- ", "+ ")]
    return [line for line in changed if not any(re.match(known, line[2:]) for known in DIFFERENCES)]


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def main(nixos: Path, lab: Path) -> int:
    """Compare, and show what differs: `-` the lab's line, `+` the machine's."""
    found = differences(postfix(nixos), postfix(lab)) + differences(dovecot(nixos), dovecot(lab))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
