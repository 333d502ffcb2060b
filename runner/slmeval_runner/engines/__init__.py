"""The engines that models run in: vLLM, and a simulated one that needs nothing."""
