"""What the evaluation tests share."""
