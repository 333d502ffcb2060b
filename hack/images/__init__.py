# SPDX-License-Identifier: Apache-2.0
"""Build the project's container images with Docker, or without any container engine."""
