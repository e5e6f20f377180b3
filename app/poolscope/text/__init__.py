"""How a number, a list, a plural reads: one rule a quantity, the only place."""

# Our own, after weighing: humanize rounds to a fixed number of decimals and cuts durations to words, and knows neither
# ratios nor intervals; Babel brings ten megabytes of other languages' rules for one English list and one plural.
