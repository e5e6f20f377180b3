"""What a browser sees. A package, so that its tests share a browser that is closed when the last of them is done."""
