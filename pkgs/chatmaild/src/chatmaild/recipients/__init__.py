"""Postfix asks which addresses exist and where mail to them goes (socketmap_table(5))."""
