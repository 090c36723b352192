"""People, messages and mail clients for tests, measurements and demonstrations of relays."""
