"""Faults of the machine and of its services."""

from __future__ import annotations

from typing import Final

from fault_table.fault import Fault, failing

MAIL: Final = "/var/lib/chatmail/mail"
CLOCK: Final = "/etc/lab-clock"
# pkgs/chatmail-lab/preload/shifted-clock.c
SHIFTED: Final = "LD_PRELOAD=/usr/lib/chatmail/shifted-clock.so"
UPGRADE: Final = "/var/lib/chatmail-upgrade"
BACKUP: Final = "/var/lib/chatmail/backup/last.json"
DROP_IN: Final = "/run/systemd/system/chatmail-accounts.service.d"
INCOMING: Final = "/var/lib/postfix/queue/incoming"
# waits for a complete message there, and sets $file
QUEUED: Final = (
    f'until file=$(find {INCOMING} -type f -perm -u=x); test -n "$file"; do sleep 0.1; done'
)
# sets $CERTIFICATE and $KEY, the files of the operator
GIVEN: Final = (
    "for pair in $(systemctl show --property=Environment --value chatmail-certificate);"
    " do case $pair in CERTIFICATE=*|KEY=*) eval $pair;; esac; done;"
)
# each unit, and the check that shows what people lose with it
LOST: Final = {
    "postfix": "port-25-in",
    "dovecot": "login",
    "nginx": "new",
    "unbound": "resolver",
    "coturn": "turn",
    "iroh-relay": "realtime",
    "chatmail-accounts": "metadata",
    "chatmail-filter": "message",
    "chatmail-transport": "mxdeliv-out",
}


def _stopped(unit: str) -> Fault:
    return Fault(
        name=f"`{unit}` is stopped",
        provoke=f"systemctl stop {unit}",
        checks=("units", LOST[unit]),
        sentence=f"{unit} is inactive",
        repair=f"systemctl restart {unit}; if that fails: journalctl --unit {unit}",
        command=f"systemctl restart {unit}",
        metric=f'chatmail_unit_up{{unit="{unit}"}}',
        value=0,
        alert="ChatmailUnitDown",
        labels={"unit": unit},
        on_store=unit == "chatmail-accounts",
    )


FAULTS: Final = (
    *map(_stopped, LOST),
    Fault(
        name="`chatmail-expire.timer` is stopped",
        provoke="systemctl stop chatmail-expire.timer",
        checks=("units",),
        sentence="chatmail-expire.timer is inactive",
        repair="systemctl restart chatmail-expire.timer; if that fails: journalctl --unit"
        " chatmail-expire.timer",
        command="systemctl restart chatmail-expire.timer",
        metric='chatmail_selftest_passed{check="units"}',
        value=0,
        alert="ChatmailSelftestFailed",
        labels={"check": "units"},
        on_store=True,
    ),
    Fault(
        name="the disk is full",
        provoke=f"mount -t tmpfs -o size=40M,nr_inodes=5000 fault {MAIL};"
        f" dd if=/dev/zero of={MAIL}/filler bs=1M status=none || true",
        undo=f"umount --lazy {MAIL}",
        sentence=f"nearly full: 0 MiB and … inodes free in {MAIL}; mail waits in the queues until"
        " there is space",
        repair=f"du -xah --max-depth=3 {MAIL} | sort -h | tail; then delete what is not needed,"
        " enlarge the disk, or shorten retention.*",
        command=f"du -xah --max-depth=3 {MAIL} | sort -h | tail",
        shows=f"{MAIL}/filler",
        metric='chatmail_disk_free_bytes{directory="mail"}',
        value=0,
        alert="ChatmailDiskFull",
        labels={"directory": "mail"},
        on_store=True,
    ),
    Fault(
        name="the disk has no inodes left",
        provoke=f"mount -t tmpfs -o size=200M,nr_inodes=500 fault {MAIL}; mkdir {MAIL}/filler;"
        f" cd {MAIL}/filler; seq 600 | xargs touch 2>/dev/null || true",
        undo=f"umount --lazy {MAIL}",
        sentence=f"nearly full: … MiB and 0 inodes free in {MAIL}; mail waits in the queues until"
        " there is space",
        repair=f"du -x --inodes --max-depth=3 {MAIL} | sort -n | tail; then delete what is not"
        " needed, enlarge the disk, or shorten retention.*",
        command=f"du -x --inodes --max-depth=3 {MAIL} | sort -n | tail",
        shows=f"{MAIL}/filler",
        metric='chatmail_disk_free_inodes{directory="mail"}',
        value=0,
        alert="ChatmailInodesGone",
        labels={"directory": "mail"},
        on_store=True,
    ),
    failing(
        "clock",
        "… s ahead of that of other relays",
        "timedatectl set-ntp true; then timedatectl timesync-status",
        name="the clock is an hour wrong",
        provoke=f"printf +0003600 > {CLOCK}",
        undo=f"rm {CLOCK}",
        environment=SHIFTED,
    ),
    Fault(
        name="the certificate has expired",
        # made 115 days ago, valid for a day
        provoke=f"{GIVEN} cp -p $CERTIFICATE /root/usual.crt; cp -p $KEY /root/usual.key;"
        f" printf -- -9999999 > {CLOCK};"
        f" {SHIFTED} openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1"
        " -subj /CN=$RELAY -keyout /root/old.key -out /root/old.crt 2>/dev/null;"
        f" rm {CLOCK}; cat /root/old.key > $KEY; cat /root/old.crt > $CERTIFICATE;"
        " systemctl restart chatmail-certificate",
        undo=f"{GIVEN} mv /root/usual.key $KEY; mv /root/usual.crt $CERTIFICATE; rm /root/old.*",
        sentence="the certificate has expired",
        repair="renew the files that services.chatmail.tls names; then systemctl restart"
        " chatmail-certificate",
        command="systemctl restart chatmail-certificate",
        jobs=("chatmail-count",),
        metric="chatmail_certificate_expiry_timestamp_seconds",
        alert="ChatmailCertificateEnds",
    ),
    Fault(
        name="memory is short",
        provoke="sed 's/^MemAvailable:.*/MemAvailable: 51200 kB/' /proc/meminfo > /run/meminfo;"
        f" mount --bind /run/meminfo /proc/meminfo; mkdir -p {DROP_IN};"
        r" printf '[Service]\nBindReadOnlyPaths=/run/meminfo:/proc/meminfo\n' >"
        f" {DROP_IN}/fault.conf; systemctl daemon-reload; systemctl restart chatmail-accounts",
        undo=f"umount /proc/meminfo; rm -r {DROP_IN} /run/meminfo; systemctl daemon-reload;"
        " systemctl restart chatmail-accounts",
        sentence="memory is short: 50 MiB of memory are available, below …; no address is created,"
        " and daemons may be killed",
        repair="systemd-cgtop --batch --iterations=1 --order=memory shows the largest units; stop"
        " what the relay does not need, or add memory",
        command="systemd-cgtop --batch --iterations=1 --order=memory",
        shows="chatmail-accounts.service",
        metric="chatmail_memory_available_bytes",
        value=50 << 20,
        alert="ChatmailMemoryShort",
        on_store=True,
    ),
    Fault(
        name="the queue is stuck",
        # the queue manager hangs; the message gets the age of half an hour (its record of type T)
        provoke="pkill -STOP -x qmgr;"
        f" printf 'Subject: x\\n\\nx\\n' | sendmail -f '<>' nobody@$RELAY; {QUEUED};"
        " old=$(($(date +%s) - 2000));"
        ' LC_ALL=C sed -E "0,/T.[0-9]{10} /s/T(.)[0-9]{10} /T\\1$old /" $file > /run/aged;'
        " cat /run/aged > $file; rm /run/aged",
        sentence="a message is stuck",
        repair="systemctl restart postfix; journalctl --unit postfix",
        command="systemctl restart postfix",
        jobs=("chatmail-count-queue",),
        metric='chatmail_queue_oldest_age_seconds{queue="incoming"}',
        alert="ChatmailQueueStuck",
        labels={"queue": "incoming"},
    ),
    Fault(
        name="no backup was made for three days",
        provoke=f"""sed -i -E "s/(.succeeded_s.: )[0-9]+/\\1$(($(date +%s) - 259200))/" {BACKUP}""",
        sentence="the last backup is 3 d old",
        repair="chatmail backup create; systemctl status chatmail-backup.timer",
        command="chatmail backup create",
        metric="chatmail_backup_last_success_timestamp_seconds",
        alert="ChatmailBackupOld",
    ),
    Fault(
        name="the last upgrade failed",
        provoke=f"mkdir -p {UPGRADE}; chmod 755 {UPGRADE}; cd {UPGRADE};"
        """ printf '{"outcome": "returned", "started": "2026-11-29T04:00:00+00:00",'"""
        """' "after": {"login": "logins fail"}}' > last-report.json""",
        undo=f"rm -r {UPGRADE}",
        sentence="the last upgrade broke login; the previous system runs again",
        repair=f"cat {UPGRADE}/last-report.json says why; then, with a repaired or newer flake,"
        " systemctl start chatmail-upgrade",
        command=f"cat {UPGRADE}/last-report.json",
        shows='"logins fail"',
        metric="chatmail_upgrade_passed",
        value=0,
        alert="ChatmailUpgradeFailed",
    ),
)
