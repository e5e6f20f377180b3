"""n! for a range of numbers in a pool of threads or processes: in what order do results come back?"""
