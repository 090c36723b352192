"""scripts/scale directory: simulates one domain on many machines, without starting any."""
