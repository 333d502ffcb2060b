"""What comes of an evaluation's gates in a run that has ended. Pure.

A demand is met or not only where the figure's whole 95% interval is on one side of its limit; else
it is inconclusive, with how much more data would most likely tell. Two runs are held against each
other only in what is the same in both: items, workload, kind of device. Other differences are
named.
"""
