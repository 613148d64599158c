"""``python -m dcopt`` is the command ``dcopt``."""

from dcopt.cli.main import main

main(prog_name="dcopt")
