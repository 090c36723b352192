"""The whole program, with stand-ins for ssh, nix, disko and nixos-anywhere. git is git."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click.testing
import pytest
from looks import look

from chatmail_install import cli, dns, steps
from chatmail_install.dns import Published
from chatmail_install.plan import Wish, make_plan
from chatmail_install.programs import Ssh

DOMAIN = "chat.ada.example"
ARGUMENTS = ["root@203.0.113.5", "--domain", DOMAIN, "--chatmail", "github:ada/chatmail"]
SSH = """
case "$*" in
  *"-- sh -s --"*) cat > DIR/script; cat DIR/look ;;
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
    """A computer with these programs, and a machine that they pretend to reach."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "bin").mkdir()
        (place / "look").write_text(look())
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
    """The place where all of it lies; DNS knows nothing, and the relay answers."""
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
    """The machine, the plan, and every file."""
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
    """From the question to the zone, the code and the selftest."""
    done = world.run(given="203.0.113.5\n")

    assert done.exit_code == 0, done.output
    for shown in ("the zone", "the code", "well", "What remains"):
        assert shown in done.output
    assert (
        "nixos-anywhere --copy-host-keys --ssh-port 22 --store-paths /nix/store/ccc-disko"
        " /nix/store/aaa-system --target-host root@203.0.113.5"
    ) in world.log


def test_the_flake_is_under_git(world: World) -> None:
    """Whole, locked, and committed by somebody without a name, too."""
    world.run("--yes")

    assert git(world.flake, "status", "--porcelain") == ""
    assert git(world.flake, "ls-files").split() == [
        "disk.nix",
        "flake.lock",
        "flake.nix",
        "hardware-configuration.nix",
    ]


def test_nothing_is_erased_without_the_host_s_name(world: World) -> None:
    """A yes is typed too fast."""
    done = world.run(given="yes\n")

    assert done.exit_code == cli.DECLINED
    assert not world.flake.exists()
    assert "nixos-anywhere" not in world.log


def test_a_problem_ends_it(world: World) -> None:
    """Even unattended."""
    (world.place / "look").write_text(look(virtualisation="lxc"))

    done = world.run("--yes")

    assert done.exit_code == cli.UNFIT
    assert "This is a container" in done.output
    assert not world.flake.exists()


def test_it_can_be_run_again(world: World) -> None:
    """After a failure in the middle; what a person changed is not overwritten."""
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
    """The end of nix' own words is told."""
    world.program("nix", NIX.replace("echo /nix/store/aaa-system", "echo broken >&2; exit 1"))

    done = world.run("--yes")

    assert done.exit_code == cli.FAILED
    assert "broken" in done.output
    assert "nixos-anywhere" not in world.log


def test_another_processor_is_told_before_anything_is_written(world: World) -> None:
    """With the line that helps on NixOS."""
    (world.place / "look").write_text(look(arch="aarch64"))

    done = world.run("--yes")

    assert done.exit_code == cli.FAILED
    assert "boot.binfmt.emulatedSystems" in done.output
    assert not world.flake.exists()


def test_a_relay_that_is_not_well_is_told(world: World) -> None:
    """Exit status 5, with the report and what remains."""
    (world.place / "selftest").write_text("failed: certificate")

    done = world.run("--yes")

    assert done.exit_code == cli.UNWELL
    assert "failed: certificate" in done.output
    assert "What remains" in done.output


def test_a_relay_that_stays_silent_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the names of the protocols."""
    monkeypatch.setattr(cli, "wait", lambda *_, **__: ("IMAP",))

    done = world.run("--yes")

    assert done.exit_code == cli.UNWELL
    assert "IMAP did not answer" in done.output


def test_a_machine_out_of_reach_is_told(world: World) -> None:
    """With ssh's own words."""
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
def test_wrong_usage_is_told(world: World, arguments: list[str]) -> None:
    """Before ssh runs."""
    assert click.testing.CliRunner().invoke(cli.main, arguments).exit_code == 2
    assert world.log == ""


def test_the_origin_of_a_checkout_is_found(world: World) -> None:
    """Whoever cloned it need not say where it came from."""
    git(world.place, "init", "--quiet")
    git(world.place, "remote", "add", "origin", "git@github.com:ada/relay.git")

    arguments = [*ARGUMENTS[:3], "--dry-run"]
    done = click.testing.CliRunner().invoke(cli.main, arguments)

    assert '"github:ada/relay"' in done.output


def test_the_script_runs_in_a_plain_shell(world: World) -> None:
    """What a machine without the programs answers is understood, too."""
    world.program("lsblk", """echo '{"blockdevices": []}'""")
    world.program("ip", "echo '[]'")
    world.program(
        "ssh", 'while [ "$1" != -- ]; do shift; done; shift; PATH=$PATH:/bin exec /bin/sh -c "$*"'
    )

    machine = steps.look(Ssh(target="root@203.0.113.5"), "127.0.0.1")

    assert machine.root == (os.getuid() == 0)
    assert machine.memory > 0
    assert not machine.port25
    wish = Wish(domain=DOMAIN, chatmail="github:ada/chatmail")
    assert "Say which disk" in " ".join(make_plan(machine, wish, Published()).problems)
