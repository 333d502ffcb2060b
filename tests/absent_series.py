"""Series on dashboards that a healthy run on CPUs has not, so that no cluster test can see them.

tests/cluster/test_prometheus.py holds a real run against this list; in
tests/chart/test_filled_dashboards.py they have made-up values.
"""

ABSENT = {
    # Only with GPUs.
    "slmeval_trial_gpu_seconds",
    "slmeval_gpu_seconds:sum",
    "slmeval_request_energy_joules",
    "slmeval_device_memory_peak_bytes",
    "slmeval_model_weights_bytes",
    "slmeval_roofline_ratio",
    "ray_node_gpus_utilization",
    "ray_node_gram_used",
    # Of workloads of another kind.
    "slmeval_highest_requests_per_second",
    "slmeval_http_requests_per_second_ratio",
    "slmeval_http_added_latency_seconds",
    "slmeval_load_attained_ratio",
    # After a week.
    "slmeval_requests_per_second:ratio_offset7d",
    "slmeval_suite_score:difference_offset7d",
    # Of a schedule whose time has come.
    "slmeval_evaluation_last_schedule_timestamp_seconds",
    "slmeval_evaluation_missed_schedule_timestamp_seconds",
    "slmeval_evaluation_schedule_lag_seconds",
    # When something is wrong.
    "slmeval_operator_api_errors_total",
}
