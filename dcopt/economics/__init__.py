"""Money: annuities, discounting, the ledgers and the bill of materials. Pure functions of numbers and rows."""
