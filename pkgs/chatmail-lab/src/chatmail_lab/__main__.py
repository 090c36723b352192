"""`python -m chatmail_lab`."""

from chatmail_lab.cli import main

main(prog_name="lab")
