"""The Debian image."""

from chatmail_lab.image.debian import PACKAGES, image_name, is_step


def test_the_name_of_the_image_depends_on_its_packages() -> None:
    """No package is listed twice."""
    assert image_name().startswith("root-")
    assert len(set(PACKAGES)) == len(PACKAGES)


def test_progress_counts_packages() -> None:
    """Each one is downloaded, unpacked and configured."""
    lines = ["Get:1 http://x", "Unpacking a (1) ...", "Setting up a (1) ...", "Processing triggers"]

    assert [is_step(line) for line in lines] == [True, True, True, False]
