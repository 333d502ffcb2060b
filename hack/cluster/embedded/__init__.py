# SPDX-License-Identifier: Apache-2.0
"""A single-node Kubernetes with KubeRay on this machine, without a container engine."""
