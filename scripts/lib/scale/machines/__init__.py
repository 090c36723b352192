"""scripts/scale machines: what a front and a store cost, beside one machine."""
