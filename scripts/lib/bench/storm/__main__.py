"""scripts/scale storm."""

from bench.storm import main

main()
