"""How speed is measured, one module a kind of workload."""
