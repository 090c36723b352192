"""What the operator decides at run time, in force at once: rules for domains, a notice."""
