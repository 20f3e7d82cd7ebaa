# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what became of each task to a file, one JSON object a line, so that tests need not read what is meant for people."""
import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: playtest
type: notification
short_description: Results of tasks as JSON lines
description: Results of tasks as JSON lines, in the file that E(PLAYTEST_RESULTS) names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "playtest"
    CALLBACK_NEEDS_ENABLED = True

    def write(self, verdict, outcome):
        answer = outcome._result
        if verdict == "ok" and answer.get("changed"):
            verdict = "changed"
        line = {"verdict": verdict, "host": outcome._host.get_name(), "task": outcome._task.get_name(), "answer": answer}
        with open(os.environ["PLAYTEST_RESULTS"], "a", encoding="utf-8") as results:
            results.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self.write("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.write("failed", result)

    def v2_runner_on_skipped(self, result):
        self.write("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self.write("unreachable", result)
