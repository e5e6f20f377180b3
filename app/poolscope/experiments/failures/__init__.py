"""Faults in threads, processes, pools and interpreters: when something breaks in a worker, who finds out?"""
