"""The words of the pages: texts by language, their grammar, and the figures in them."""
