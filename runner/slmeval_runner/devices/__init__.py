"""The GPUs of the trial's process: what they are, and what they did during a measurement."""
