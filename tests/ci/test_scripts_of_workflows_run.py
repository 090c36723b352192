"""scripts/ci, with fakes of nix, gh and docker, and the real git."""

import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
NIX = """
case "$*" in
  *"builtins.currentSystem"*) printf x86_64-linux ;;
  *"#checks."*"--apply"*) printf 'options-doc\\nnixos-mail-survives-a-reboot\\nunits-chatmaild' ;;
  *"#packages."*"--apply"*) printf 'chatmaild\\nimage-qcow2\\nimage-raw-efi\\nsdImage-rpi' ;;
  *"flake update"*) cp DIR/new.lock flake.lock ;;
  *"build"*"print-out-paths"*) for built; do case $built in .*) echo DIR/built ;; esac; done ;;
esac
"""
GH = 'case "$*" in "pr list"*) cat DIR/open ;; esac'


class Runner:
    """A checkout with the scripts, and a log of the commands that the fakes got."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.checkout = place / "checkout"
        (place / "bin").mkdir()
        (place / "built").mkdir()
        (place / "built" / "disk.qcow2").write_bytes(b"x" * 3_000_000)
        (place / "open").write_text("")
        (place / "new.lock").write_text("new\n")
        self.program("nix", NIX)
        self.program("gh", GH)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(place / "origin"))
        self.git("clone", "--quiet", str(place / "origin"), str(self.checkout))
        folder = self.checkout / "scripts"
        folder.mkdir()
        subprocess.run(["cp", "-r", str(CHECKOUT / "scripts" / "ci"), str(folder)], check=True)
        (self.checkout / "flake.lock").write_text("old\n")
        self.git("-C", str(self.checkout), "switch", "--quiet", "--create", "main")
        self.git("-C", str(self.checkout), "add", ".")
        name = ("-c", "user.name=ada", "-c", "user.email=ada@mail.example")
        self.git("-C", str(self.checkout), *name, "commit", "--quiet", "--message", "first")
        self.git("-C", str(self.checkout), "push", "--quiet", "origin", "main")

    def program(self, name: str, script: str) -> None:
        path = self.place / "bin" / name
        log = f'echo "{name} $*" >> {self.place}/log\n'
        path.write_text(f"#!/bin/sh\n{log}{script.replace('DIR', str(self.place))}\n")
        path.chmod(0o755)

    def git(self, *words: str) -> str:
        home = {"HOME": str(self.place), "PATH": os.environ["PATH"]}
        command = ["git", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=home).stdout

    def run(
        self, script: str, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        path = f"{self.place}/bin:{os.environ['PATH']}"
        return subprocess.run(
            [str(self.checkout / "scripts" / "ci" / script), *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": path, "HOME": str(self.place)} | variables,
        )

    @property
    def log(self) -> str:
        return (self.place / "log").read_text()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner, as the workflows have it."""
    return Runner(tmp_path)


def test_with_kvm_nix_flake_check_runs(runner: Runner) -> None:
    """And nothing else."""
    kvm = runner.place / "kvm"
    kvm.touch()

    assert runner.run("check", KVM_DEVICE=str(kvm)).returncode == 0
    assert runner.log == "nix flake check --print-build-logs --keep-going\n"


def test_without_kvm_tests_in_virtual_machines_are_skipped(runner: Runner) -> None:
    """All checks are evaluated, all others are built, and the skipped ones are listed."""
    done = runner.run("check", KVM_DEVICE="/nowhere")

    assert done.returncode == 0
    assert "nix flake check --no-build\n" in runner.log
    built = next(line for line in runner.log.splitlines() if line.startswith("nix build"))
    assert ".#checks.x86_64-linux.units-chatmaild" in built
    assert "nixos-" not in built
    assert "not built without KVM: nixos-mail-survives-a-reboot" in done.stderr


def test_a_failed_check_is_a_failed_step(runner: Runner) -> None:
    """With and without KVM."""
    runner.program("nix", 'case "$*" in *"flake check"*) exit 1 ;; esac')

    assert runner.run("check", KVM_DEVICE="/nowhere").returncode == 1
    assert runner.run("check", KVM_DEVICE=str(runner.place / "log")).returncode == 1


def test_unstable_replaces_nixpkgs(runner: Runner) -> None:
    """flake.lock does not change."""
    runner.run("unstable", KVM_DEVICE=str(runner.place / "open"))

    assert "--override-input nixpkgs github:NixOS/nixpkgs/nixos-unstable" in runner.log
    assert "--no-write-lock-file" in runner.log


def test_images_are_built_and_their_size_is_shown(runner: Runner) -> None:
    """Only those for this system."""
    done = runner.run("images")

    assert done.returncode == 0, done.stderr
    assert ".#image-qcow2" in runner.log
    assert ".#image-raw-efi" in runner.log
    assert "sdImage" not in runner.log
    assert done.stdout.count("2.9M") == 2


def test_nothing_is_copied_without_a_cache(runner: Runner) -> None:
    """And nothing is built for it."""
    done = runner.run("push-to-cache", CACHE_URL="https://cache.example.org")

    assert done.returncode == 0
    assert "no cache is given" in done.stderr
    assert not (runner.place / "log").exists()


def test_packages_are_signed_and_copied(runner: Runner) -> None:
    """The key is in no command line, and its file is deleted."""
    done = runner.run(
        "push-to-cache",
        CACHE_URL="https://cache.example.org",
        CACHE_SECRET_KEY="cache-1:SECRET",
        TMPDIR=str(runner.place),
    )

    assert done.returncode == 0, done.stderr
    assert "SECRET" not in runner.log
    assert "nix store sign --recursive" in runner.log
    assert f"nix copy --to https://cache.example.org {runner.place}/built" in runner.log
    assert "image" not in runner.log
    assert not list(runner.place.glob("tmp.*"))


def test_the_cache_is_used_with_its_public_key_only(runner: Runner) -> None:
    """A URL without a key is ignored."""
    runner.program("nix", 'printf "%s" "$NIX_CONFIG" > DIR/config')
    kvm = str(runner.place / "open")
    config = runner.place / "config"

    runner.run("check", KVM_DEVICE=kvm, CACHE_URL="https://cache.example.org")
    assert "substituters" not in config.read_text()

    runner.run("check", KVM_DEVICE=kvm, CACHE_URL="https://c.example", CACHE_PUBLIC_KEY="c-1:A")
    assert "extra-substituters = https://c.example\n" in config.read_text()
    assert "extra-trusted-public-keys = c-1:A" in config.read_text()


def test_a_current_lock_opens_no_pull_request(runner: Runner) -> None:
    """And gh is not called."""
    (runner.place / "new.lock").write_text("old\n")

    done = runner.run("renew-lock")

    assert "flake.lock is current" in done.stderr
    assert "gh" not in runner.log


def test_a_new_lock_opens_a_pull_request(runner: Runner) -> None:
    """The branch changes flake.lock only, and the workflow `check` is started for it."""
    done = runner.run("renew-lock")

    assert done.returncode == 0, done.stderr
    origin = str(runner.place / "origin")
    assert runner.git("-C", origin, "show", "renew-flake-lock:flake.lock") == "new\n"
    changed = runner.git("-C", origin, "diff", "--name-only", "main", "renew-flake-lock")
    assert changed.split() == ["flake.lock"]
    assert "gh pr create --head renew-flake-lock --base main" in runner.log
    assert "gh workflow run check.yml --ref renew-flake-lock" in runner.log


def test_an_open_pull_request_is_updated(runner: Runner) -> None:
    """The branch is replaced, and no second pull request is opened."""
    runner.run("renew-lock")
    runner.git("-C", str(runner.checkout), "switch", "--quiet", "main")
    (runner.place / "open").write_text("7\n")
    (runner.place / "new.lock").write_text("newer\n")

    assert runner.run("renew-lock").returncode == 0
    origin = str(runner.place / "origin")
    assert runner.git("-C", origin, "show", "renew-flake-lock:flake.lock") == "newer\n"
    assert runner.log.count("gh pr create") == 1


def test_debian_runs_in_a_container(runner: Runner) -> None:
    """The checkout is mounted read-only."""
    runner.program("docker", "true")

    assert runner.run("test-in-debian", "--fast").returncode == 0
    assert f"--privileged --volume {runner.checkout}:/source:ro debian:12" in runner.log
    assert "/source/scripts/ci/test-in-debian --inside --fast" in runner.log


def test_in_debian_a_fresh_clone_is_tested(runner: Runner) -> None:
    """Files that are not committed are missing in it."""
    release = runner.place / "os-release"
    release.write_text('ID=debian\nVERSION_ID="12"\n')
    script = runner.checkout / "scripts" / "test"
    script.write_text("#!/bin/sh\necho here $*\n")
    variables = {"OS_RELEASE": str(release), "TMPDIR": str(runner.place)}

    assert runner.run("test-in-debian", "--inside", **variables).returncode != 0

    script.chmod(0o755)
    runner.git("-C", str(runner.checkout), "add", "scripts/test")
    name = ("-c", "user.name=ada", "-c", "user.email=ada@mail.example")
    runner.git("-C", str(runner.checkout), *name, "commit", "--quiet", "--message", "tests")
    done = runner.run("test-in-debian", "--inside", "--fast", **variables)

    assert done.stdout == "here --fast\n"


def test_other_systems_than_debian_12_are_refused(runner: Runner) -> None:
    """The step must test what its name says."""
    release = runner.place / "os-release"
    release.write_text('ID=debian\nVERSION_ID="13"\n')

    done = runner.run("test-in-debian", "--inside", OS_RELEASE=str(release))

    assert done.returncode != 0
    assert "this is debian 13, not Debian 12" in done.stderr
