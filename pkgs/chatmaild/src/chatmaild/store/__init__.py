"""What is kept on disk, one directory for each address."""
