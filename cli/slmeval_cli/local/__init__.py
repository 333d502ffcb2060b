"""An evaluation on this machine, without a cluster: what the API server and KubeRay do elsewhere.

What to do follows from slmeval_decisions, as in the operator; the runner's processes do it.
"""
