"""IP addresses and their owners; knows no unit."""
