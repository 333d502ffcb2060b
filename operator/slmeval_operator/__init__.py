"""The operator: watches the four kinds and RayJobs, decides, and writes what follows.

Kept out: measuring (the runner's), and what the objects look like (the contract's).
"""
