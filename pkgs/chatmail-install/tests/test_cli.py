"""The whole program, with fakes of ssh, nix, disko and nixos-anywhere, and the real git."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click.testing
import pytest
from machines import inspected

from chatmail_install import cli, dns, steps
from chatmail_install.dns import Published
from chatmail_install.plan import Request, make_plan
from chatmail_install.programs import Ssh

DOMAIN = "chat.ada.example"
ARGUMENTS = ["root@203.0.113.5", "--domain", DOMAIN, "--chatmail", "github:ada/chatmail"]
SSH = """
case "$*" in
  *"-- sh -s --"*) cat > DIR/script; cat DIR/inspected ;;
  *"-G "*) echo "hostname 203.0.113.5" ;;
  *"chatmail dns") echo "the zone" ;;
  *"chatmail invite create --qr") echo "the code" ;;
  *"chatmail selftest") cat DIR/selftest; test "$(cat DIR/selftest)" = well ;;
  *) exit 255 ;;
esac
"""
NIX = """
case "$*" in
  *"flake lock "*) for last; do :; done; echo '{}' > "$last/flake.lock" ;;
  *"config show system") echo x86_64-linux ;;
  *"config show extra-platforms") echo i686-linux ;;
  *" build "*) echo /nix/store/aaa-system ;;
  *" eval "*) echo /nix/store/bbb-nixpkgs ;;
esac
"""


class World:
    """The operator's computer with these fakes, and the machine that they reach."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "bin").mkdir()
        (place / "inspected").write_text(inspected())
        (place / "selftest").write_text("well")
        self.program("ssh", SSH)
        self.program("nix", NIX)
        self.program("disko", "echo disko version 1; echo $NIX_PATH; echo /nix/store/ccc-disko")
        self.program("nixos-anywhere", "echo erased")

    def program(self, name: str, script: str) -> None:
        path = self.place / "bin" / name
        log = f'echo "{name} $*" >> {self.place}/log\n'
        path.write_text(f"#!/bin/sh\n{log}{script.replace('DIR', str(self.place))}\n")
        path.chmod(0o755)

    def run(self, *arguments: str, given: str = "") -> click.testing.Result:
        runner = click.testing.CliRunner()
        return runner.invoke(cli.main, [*ARGUMENTS, *arguments], input=given)

    @property
    def log(self) -> str:
        path = self.place / "log"
        return path.read_text() if path.exists() else ""

    @property
    def flake(self) -> Path:
        return self.place / DOMAIN


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The computer's directory; DNS has no records, and the relay answers."""
    made = World(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dns, "look_up", lambda _: Published())
    monkeypatch.setattr(cli, "wait", lambda *_, **__: ())
    return made


def git(directory: Path, *words: str) -> str:
    command: Sequence[str] = ["git", "-C", str(directory), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_dry_run_shows_everything_and_changes_nothing(world: World) -> None:
    """The machine, the plan and all files."""
    done = world.run("--dry-run")

    assert done.exit_code == 0, done.output
    for shown in (
        "Debian GNU/Linux 12",
        "Erase /dev/vda (40.0 GB)",
        "--- flake.nix",
        "--- disk.nix",
    ):
        assert shown in done.output
    assert not world.flake.exists()
    assert len(world.log.splitlines()) == 1


def test_a_machine_becomes_a_relay(world: World) -> None:
    """From the question to the DNS records, the invite and the selftest."""
    done = world.run(given="203.0.113.5\n")

    assert done.exit_code == 0, done.output
    for shown in ("the zone", "the code", "well", "What remains"):
        assert shown in done.output
    assert (
        "nixos-anywhere --copy-host-keys --ssh-port 22 --store-paths /nix/store/ccc-disko"
        " /nix/store/aaa-system --target-host root@203.0.113.5"
    ) in world.log


def test_the_flake_is_under_git(world: World) -> None:
    """Complete, locked and committed, even if git has no user."""
    world.run("--yes")

    assert git(world.flake, "status", "--porcelain") == ""
    assert git(world.flake, "ls-files").split() == [
        "disk.nix",
        "flake.lock",
        "flake.nix",
        "hardware-configuration.nix",
    ]


def test_the_host_name_must_be_typed(world: World) -> None:
    """A yes does not erase anything."""
    done = world.run(given="yes\n")

    assert done.exit_code == cli.DECLINED
    assert not world.flake.exists()
    assert "nixos-anywhere" not in world.log


def test_a_problem_stops_the_installation(world: World) -> None:
    """With --yes, too."""
    (world.place / "inspected").write_text(inspected(virtualisation="lxc"))

    done = world.run("--yes")

    assert done.exit_code == cli.UNFIT
    assert "This is a container" in done.output
    assert not world.flake.exists()


def test_the_installation_can_be_repeated(world: World) -> None:
    """After a failed step; changed files are not overwritten."""
    world.program("nixos-anywhere", "exit 1")
    assert world.run("--yes").exit_code == cli.FAILED
    world.program("nixos-anywhere", "true")
    assert world.run("--yes").exit_code == 0

    (world.flake / "flake.nix").write_text("{ }")
    done = world.run("--yes")

    assert done.exit_code == cli.FAILED
    assert "flake.nix in" in done.output
    assert (world.flake / "flake.nix").read_text() == "{ }"


def test_a_build_that_fails_erases_nothing(world: World) -> None:
    """The end of nix' output is shown."""
    world.program("nix", NIX.replace("echo /nix/store/aaa-system", "echo broken >&2; exit 1"))

    done = world.run("--yes")

    assert done.exit_code == cli.FAILED
    assert "broken" in done.output
    assert "nixos-anywhere" not in world.log


def test_another_processor_is_a_failure_before_any_change(world: World) -> None:
    """With the NixOS option that helps."""
    (world.place / "inspected").write_text(inspected(arch="aarch64"))

    done = world.run("--yes")

    assert done.exit_code == cli.FAILED
    assert "boot.binfmt.emulatedSystems" in done.output
    assert not world.flake.exists()


def test_a_failed_selftest_has_an_exit_status(world: World) -> None:
    """And its report is shown, and the next steps."""
    (world.place / "selftest").write_text("failed: certificate")

    done = world.run("--yes")

    assert done.exit_code == cli.UNWELL
    assert "failed: certificate" in done.output
    assert "What remains" in done.output


def test_a_service_that_does_not_answer_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its protocol."""
    monkeypatch.setattr(cli, "wait", lambda *_, **__: ("IMAP",))

    done = world.run("--yes")

    assert done.exit_code == cli.UNWELL
    assert "IMAP did not answer" in done.output


def test_an_unreachable_machine_is_a_failure(world: World) -> None:
    """With the error message of ssh."""
    world.program("ssh", "echo Permission denied >&2; exit 255")

    done = world.run()

    assert done.exit_code == cli.FAILED
    assert "Permission denied" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["root@-oProxyCommand=x", "--domain", DOMAIN],
        ["-oProxyCommand=x", "--domain", DOMAIN],
        ["203.0.113.5", "--domain", DOMAIN],
        ["root@203.0.113.5", "--domain", "localhost"],
        ["root@203.0.113.5", "--domain", "192.0.2.1"],
        ["root@203.0.113.5", "--domain", "_chat.ada.example"],
        ["root@203.0.113.5"],
    ],
)
def test_wrong_usage_is_an_error(world: World, arguments: list[str]) -> None:
    """Before ssh runs."""
    assert click.testing.CliRunner().invoke(cli.main, arguments).exit_code == 2
    assert world.log == ""


def test_the_origin_of_a_checkout_is_found(world: World) -> None:
    """Without --chatmail."""
    git(world.place, "init", "--quiet")
    git(world.place, "remote", "add", "origin", "git@github.com:ada/relay.git")

    arguments = [*ARGUMENTS[:3], "--dry-run"]
    done = click.testing.CliRunner().invoke(cli.main, arguments)

    assert '"github:ada/relay"' in done.output


def test_the_script_runs_in_a_plain_shell(world: World) -> None:
    """Also where programs are missing."""
    world.program("lsblk", """echo '{"blockdevices": []}'""")
    world.program("ip", "echo '[]'")
    world.program(
        "ssh", 'while [ "$1" != -- ]; do shift; done; shift; PATH=$PATH:/bin exec /bin/sh -c "$*"'
    )

    machine = steps.inspect(Ssh(target="root@203.0.113.5"), "127.0.0.1")

    assert machine.root == (os.getuid() == 0)
    assert machine.memory > 0
    assert not machine.port25
    request = Request(domain=DOMAIN, chatmail="github:ada/chatmail")
    assert "Say which disk" in " ".join(make_plan(machine, request, Published()).problems)


def test_the_version_is_that_of_the_repository() -> None:
    """Also where nothing is installed, as here."""
    done = click.testing.CliRunner().invoke(cli.main, ["--version"])

    assert done.exit_code == 0
    assert done.output == f"chatmail-install {cli.VERSION}\n"
