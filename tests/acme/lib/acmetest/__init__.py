"""What the tests with an ACME server share."""
