# SPDX-License-Identifier: Apache-2.0
"""The whole product on a GPU machine without network: packed here, brought up and asked there."""
