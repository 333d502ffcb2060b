"""The command line `slmeval`: asks, follows, reads and reports; also as `kubectl slmeval`."""
