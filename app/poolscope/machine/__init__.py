"""What this host is and does: CPUs, cgroups, memory, processes, noise, interpreters; standard library, both sides."""
