"""How a number, a list, a plural reads: one rule a quantity, the only place."""
