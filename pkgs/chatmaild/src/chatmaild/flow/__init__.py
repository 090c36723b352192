"""Recent counts and times of a process, for the operator; no personal data."""
