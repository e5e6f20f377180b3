"""What crosses a process border: records, payloads and commands, as frozen dataclasses, and their JSON."""
