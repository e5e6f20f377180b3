"""What happens when something fails. A package, so that its tests share a server until the last of them is done."""
