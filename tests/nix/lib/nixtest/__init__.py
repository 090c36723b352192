"""The nouns of the evaluation tests."""
