"""The pages for operators as programs: their commands, in the order of the page."""
