"""Every tool for sharing data: is the result right, what passes where, and what does one operation cost?"""
