"""``python -m dcopt`` is the command ``dcopt``."""

from dcopt.cli.start import main

main()
