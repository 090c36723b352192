"""scripts/scale machines."""

from scale.machines.run import main

main()
