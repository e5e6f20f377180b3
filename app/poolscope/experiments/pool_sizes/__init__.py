"""The same map in pools of several sizes, against the plain loop: from how many workers on does a pool only cost?"""
