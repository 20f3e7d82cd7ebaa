# Copyright (c) The stackwatch.monitoring authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin that meta/runtime.yml names for every module."""

from __future__ import annotations

from ansible_collections.stackwatch.monitoring.plugins.plugin_utils.bundle import ActionModule

__all__ = ["ActionModule"]
