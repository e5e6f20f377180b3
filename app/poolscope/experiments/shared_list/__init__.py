"""Producers and consumers over one shared list: who holds the lock, who waits, and does nothing get lost?"""
