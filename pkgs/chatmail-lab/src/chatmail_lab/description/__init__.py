"""What each host is: the Nix description of the checkout, evaluated to plain data."""
