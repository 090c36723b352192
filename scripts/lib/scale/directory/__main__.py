"""scripts/scale directory."""

from scale.directory.run import main

main()
