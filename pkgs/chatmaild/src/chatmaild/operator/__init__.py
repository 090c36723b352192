"""What an operator does: the work behind the command `chatmail`."""
