"""One way to time one map, whatever the kind of pool."""
