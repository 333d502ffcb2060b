"""What follows from what is: the runs, trials and attempts to make, and where each stands.

Pure, with all that is known as an argument: the operator decides by it in a cluster, the command
line on one machine.
"""
