"""What went through a process lately, for the operator's eyes: counts and times, no names."""
