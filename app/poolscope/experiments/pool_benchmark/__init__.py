"""The same work under every kind of pool, and in other Pythons: which one for it, and why is it not faster?"""
