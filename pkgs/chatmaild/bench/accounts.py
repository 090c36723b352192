"""Measures the accounts service alone, as Dovecot sees it: first logins, logins, memory.

    python bench/accounts.py [--count N] [--parallel N]

Dovecot in front costs more than all of this; `scripts/bench` measures both together.
"""

import argparse
import asyncio
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
FORM = b"grant_type=password&username=u%08d@chat.example.org&password=secret-password"


def settings(root: pathlib.Path) -> pathlib.Path:
    """The tests' settings with everything below a temporary directory."""
    data = json.loads((PACKAGE / "tests" / "settings.json").read_text())
    data["accounts"]["userNameMaxLength"] = 9
    data["registration"] |= {"maxLoad": 1000, "minFreeMemoryMegabytes": 0}
    for name in ("mail", "accounts"):
        (root / name).mkdir()
        data["directories"][name] = str(root / name)
    for name in (
        "recipients",
        "transportRecipients",
        "transports",
        "web",
        "login",
        "metadata",
        "accountsMetrics",
    ):
        data["sockets"][name] = str(root / f"{name}.sock")
    file = root / "settings.json"
    file.write_text(json.dumps(data))
    return file


async def rate(path: str, count: int, parallel: int) -> float:
    """Logins a second of `count` users over `parallel` connections that stay open."""
    numbers = iter(range(count))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(path))
        for number in numbers:
            body = FORM % number
            head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            writer.write(head + body)
            answer = await reader.readuntil(b"}")
            assert b'"active": true' in answer, answer
        writer.close()

    started_s = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(parallel)))
    return count / (time.monotonic() - started_s)


def cpu_s(pid: int) -> float:
    """Seconds of a core that the process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Proportional set size."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


def main() -> None:
    """Start the service, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--parallel", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        file = settings(pathlib.Path(root))
        path = f"{root}/login.sock"
        command = [
            "-c",
            "from chatmaild.cli import main; main()",
            "--settings",
            str(file),
            "accounts",
        ]
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE / "src"), "MALLOC_ARENA_MAX": "1"}
        with subprocess.Popen(
            [sys.executable, *command], env=environment, stderr=subprocess.DEVNULL
        ) as service:
            try:
                wait_for(path)
                print(f"memory at the start   {memory_mb(service.pid):6.1f} MiB PSS")
                for what in ("first logins", "logins"):
                    before_s = cpu_s(service.pid)
                    speed = asyncio.run(rate(path, arguments.count, arguments.parallel))
                    cost_ms = 1000 * (cpu_s(service.pid) - before_s) / arguments.count
                    print(f"{what:<21} {speed:6.0f} /s, {cost_ms:.2f} ms of a core each")
                print(f"memory at the end     {memory_mb(service.pid):6.1f} MiB PSS")
            finally:
                service.terminate()


def wait_for(path: str) -> None:
    """Until somebody listens there."""
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("the service does not start")


if __name__ == "__main__":
    main()
