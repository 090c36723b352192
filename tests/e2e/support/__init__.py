"""What the scenarios of the acceptance suite are written with."""
