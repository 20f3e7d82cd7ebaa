# Copyright (c) The stackwatch.monitoring authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one action plugin of the collection, which meta/runtime.yml names for every module.

It runs the program that all modules are in: here, or on the host that the task is for.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing.util
import os
import platform
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Set

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

COLLECTION = "stackwatch.monitoring"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin")
SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# Seconds that a module gets to finish what is under way and to answer after it was told to stop. It takes at most 5 itself.
GRACE = 8
NOEXEC = ("the module's program cannot be run on the host, whose temporary folders are on file systems that are mounted with noexec: "
          "set ansible_remote_tmp to a folder on another one, or delegate the task to the controller")

display = Display()


class ActionModule(ActionBase):
    """Runs a module's program without a copy of it where the task is for this machine, and as any other module elsewhere."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        """Give the module's answer."""
        result = super().run(tmp, task_vars)
        del tmp
        arguments = plain(self._task.args)
        # A connection plugin named "local" is Ansible's own only without another user between it and us.
        here = self._connection.transport == "local" and self._connection.become is None
        if here and not self._task.async_val:
            result.update(self._run_here(arguments, task_vars))
        else:
            result.update(self._run_there(arguments, task_vars))
        return result

    def _run_here(self, arguments, task_vars):
        """Have a program on this machine run the module. The items of a loop share one: to start it takes longer than many a call."""
        name = self._module()
        self._update_module_args(name, arguments, task_vars)
        environment = {}
        self._compute_environment_string(environment)
        environment = {key: to_text(value) for key, value in environment.items()}
        program = Program.wanted(name.rpartition(".")[2], environment, self._loader.get_basedir(), self._wants_progress(task_vars))
        where = "%s: %s: " % (task_vars.get("inventory_hostname", "localhost"), self._task.action)
        try:
            answer = program.call(arguments, where)
        except BaseException as stopped:
            answer = program.stop(where)
            # Ansible's own error of a task that takes longer than its timeout, which has changed its place over the versions.
            if type(stopped).__name__ != "TaskTimeoutError":
                raise
            answer.update(failed=True, timedout={"period": self._task.timeout}, msg="The %s action failed to execute in the expected time "
                          "frame (%d) and was terminated: %s" % (self._task.action, self._task.timeout, answer.get("msg")))
            return answer
        if not self._task.loop:
            program.end()
        return answer

    def _module(self):
        """Return the name of the task's module: as the task has it, or the full one where it has the name of an earlier module."""
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(self._task.action, collection_list=self._task.collections)
        name = found.resolved_fqcn or self._task.action
        return self._task.action if name.rpartition(".")[2] == self._task.action.rpartition(".")[2] else name

    def _wants_progress(self, task_vars):
        """Tell whether to show how far a long run is, which a variable or an environment variable switches off."""
        wanted = task_vars.get("stackwatch_progress", os.environ.get("STACKWATCH_PROGRESS", True))
        return boolean(self._templar.template(wanted), strict=False)

    def _run_there(self, arguments, task_vars):
        """Have Ansible copy the program to the host and run it."""
        program = program_for(*self._target(task_vars))
        checked(program)
        # Ansible names the program in the arguments, because that is the module that it runs.
        arguments["_ansible_bundled_module"] = self._module()
        if self._task.async_val and not self._connection.has_native_async:
            # Otherwise it would fail only in the background, where it cannot be retried.
            if not self._runs_programs() and not self._move_temporary_folder():
                return {"failed": True, "msg": NOEXEC}
            return self._execute_module(COLLECTION + "." + program, module_args=arguments, task_vars=task_vars, wrap_async=True)
        result = self._copied(program, arguments, task_vars)
        if result.get("rc") != 126:
            return result
        if "format error" in to_text(result.get("module_stdout", "")) + to_text(result.get("module_stderr", "")):
            result["msg"] = "%s does not run on the host, whose facts name another system or machine than it has: gather them anew" % program
            return result
        if self._move_temporary_folder():
            result = self._copied(program, arguments, task_vars)
        if result.get("rc") == 126:
            result["msg"] = NOEXEC
        return result

    def _copied(self, program, arguments, task_vars):
        """Copy the program to the host, run it, and remove what was copied."""
        result = self._execute_module(COLLECTION + "." + program, module_args=dict(arguments), task_vars=task_vars)
        self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _runs_programs(self):
        """Make the task's temporary folder and return whether programs can be run there. If not, the folder is removed."""
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        probe = shlex.quote(self._connection._shell.join_path(folder, "probe"))
        found = self._low_level_execute_command(
            "f=%s; echo '#!/bin/sh' > \"$f\" && chmod 700 \"$f\" && \"$f\"; r=$?; rm -f \"$f\"; exit $r" % probe, sudoable=False)
        if found.get("rc") != 0:
            self._remove_tmp_path(folder)
        return found.get("rc") == 0

    def _move_temporary_folder(self):
        """Have the host's temporary files from now on where programs can be run. Nothing was run yet, so that the task can be tried again."""
        # Another user may not look into the home folder of the one who connects.
        folders = "/var/tmp /tmp /dev/shm" if self._is_become_unprivileged() else "~ /var/tmp /tmp /dev/shm"
        found = self._low_level_execute_command(
            "for d in %s; do f=$(mktemp \"$d/.stackwatch-XXXXXX\") || continue; echo '#!/bin/sh' > \"$f\"; chmod 700 \"$f\"; "
            "if \"$f\"; then rm -f \"$f\"; echo \"$d\"; exit 0; fi; rm -f \"$f\"; done 2>/dev/null; exit 1" % folders, sudoable=False)
        if found.get("rc") != 0:
            return False
        folder = to_text(found["stdout"]).strip().splitlines()[-1]
        display.vvv("programs cannot be run in the host's temporary folder; using %s instead" % folder)
        self._connection._shell.set_option("remote_tmp", folder)
        self._connection._shell.set_option("system_tmpdirs", [folder])
        if getattr(self._connection, "_remote_is_local", False):  # whose temporary folder is always that of Ansible itself
            made = self._low_level_execute_command("mktemp -d %s/ansible-tmp-XXXXXXXX" % shlex.quote(folder), sudoable=False)
            self._connection._shell.tmpdir, self._cleanup_remote_tmp = to_text(made["stdout"]).strip().splitlines()[-1], True
        return True

    def _target(self, task_vars):
        """Tell the system and the machine that the task is for, as uname says them."""
        if self._connection.transport == "local":
            return platform.system(), platform.machine()
        # The facts of a task that is delegated are those of another host.
        facts = {} if self._task.delegate_to else task_vars.get("ansible_facts", {})
        if facts.get("system") and facts.get("architecture"):
            return facts["system"], facts["architecture"]
        said = self._low_level_execute_command("uname -sm", sudoable=False)
        words = to_text(said.get("stdout", "")).split()
        if said.get("rc") != 0 or len(words) < 2:
            raise AnsibleActionFail("the system of the host is not known: uname -sm answered %s" % (said.get("stdout") or said.get("stderr") or said))
        return words[-2], words[-1]


class Program:
    """The program that all modules are in, at work: it answers each line that it reads, the arguments of a call, with a line.

    Arguments that come this way are in no list of processes. The program ends when nobody holds its standard input any more.
    """

    kept = None  # that of the item before
    ansible = (None, None)  # the process that works on the task, and the one that it works for

    @classmethod
    def wanted(cls, module, environment, folder, with_progress):
        """Give a program for calls of a module: that of the item before if it was started in the same way, else a new one."""
        if cls.ansible[0] != os.getpid():
            cls.kept, cls.ansible = None, (os.getpid(), os.getppid())
        settings = (module, environment, folder, with_progress)
        if cls.kept and cls.kept.settings == settings and cls.kept.child.poll() is None:
            return cls.kept
        if cls.kept:
            cls.kept.end()
        cls.kept = cls(settings)
        return cls.kept

    def __init__(self, settings):
        """Start the program."""
        self.settings = settings
        module, environment, folder, with_progress = settings
        path = checked(program_for(platform.system(), platform.machine()))
        told, tells = os.pipe()  # progress
        alive, life = os.pipe()  # closes when this process is gone, however it went
        environment = {**os.environ, **environment, "STACKWATCH_LIFELINE_FD": str(alive)}
        if with_progress:
            environment["STACKWATCH_PROGRESS_FD"] = str(tells)
        try:
            self.child = subprocess.Popen(
                [path, "--serve", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environment, cwd=folder or None,
                # In a session of its own it gets one signal, from here, and not a second one from the terminal.
                pass_fds=(tells, alive), start_new_session=True,
            )
        except OSError as error:
            os.close(told)
            os.close(life)
            raise AnsibleActionFail("the module's program cannot be started: %s. %s" % (error, advice(path))) from None
        finally:
            os.close(tells)
            os.close(alive)
        self.life, self.progress = os.fdopen(life, "wb"), os.fdopen(told, "rb")
        self.streams = {self.child.stdout: bytearray(), self.child.stderr: bytearray(), self.progress: bytearray()}
        self.selector = selectors.DefaultSelector()
        for stream in self.streams:
            self.selector.register(stream, selectors.EVENT_READ)
        multiprocessing.util.Finalize(None, self.end, exitpriority=0)  # at the end of the process that works on the task

    def call(self, arguments, where):
        """Give the module's answer. What it tells meanwhile of how far it is goes to the user."""
        self.streams[self.child.stdout].clear()
        while self.selector.select(0) and self.read(where):
            pass  # late output belongs to the previous call
        self.streams[self.child.stderr].clear()
        self.heed_ansible()
        try:
            self.child.stdin.write(json.dumps(arguments).encode("ascii") + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; what it wrote says why
        while self.read(where):
            self.heed_ansible()
        return self.answer()

    def heed_ansible(self):
        """End the task, a loop as a whole, where ansible-playbook is gone: before 2.19 it ends at SIGTERM and leaves its workers alone."""
        if os.getppid() != self.ansible[1]:
            raise KeyboardInterrupt("ansible-playbook has ended")

    def stop(self, where):
        """Have the program end in order, and give its answer to the call that it was at."""
        self.child.send_signal(signal.SIGTERM)
        until = time.monotonic() + GRACE
        while time.monotonic() < until and self.read(where):
            pass
        self.child.kill()
        answer = self.answer()
        self.end()
        return answer

    def end(self):
        """End the program, which is not needed any more."""
        if Program.kept is self:
            Program.kept = None
        self.selector.close()
        for stream in (self.child.stdin, self.life, *self.streams):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        self.child.wait()

    def read(self, where):
        """Take in what the program writes within a second, and tell whether more is to come: it has not answered, and has not ended."""
        for key, dummy in self.selector.select(1):
            data = os.read(key.fd, 65536)
            if not data:
                self.selector.unregister(key.fileobj)
            self.streams[key.fileobj] += data
        *lines, self.streams[self.progress] = self.streams[self.progress].split(b"\n")
        for line in lines:
            # Not to the standard output, where some callbacks write JSON.
            display.display(where + to_text(bytes(line)), stderr=True)
        return not self.streams[self.child.stdout].endswith(b"\n") and self.selector.get_map()

    def answer(self):
        """Read the answer."""
        text = to_text(bytes(self.streams[self.child.stdout]))
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if isinstance(answer, dict):
            return answer
        if self.child.poll() is None:  # Its next output would be taken for the answer to another call.
            self.child.kill()
        return {"failed": True, "msg": "MODULE FAILURE: the program ended without an answer.\nSee stdout/stderr for the exact error",
                "module_stdout": text, "module_stderr": to_text(bytes(self.streams[self.child.stderr])), "rc": self.child.wait()}


def program_for(system, machine):
    """Name the program for a system and a machine, as uname says them."""
    if system not in SYSTEMS or machine not in MACHINES:
        raise AnsibleActionFail("%s has programs for Linux and macOS on x86-64 and arm64, and none for %s on %s; delegate the task to the controller"
                                % (COLLECTION, system, machine))
    return "stackwatch_%s_%s" % (SYSTEMS[system], MACHINES[machine])


def checked(program):
    """Return the path of a program that is the one the collection was installed with, because it gets the secrets of tasks.

    The list of the collection's files has its checksum. It is compared once in a run of ansible-playbook, and again when the file has changed.
    """
    path, listed = os.path.join(FOLDER, program), os.path.join(os.path.dirname(os.path.dirname(FOLDER)), "FILES.json")
    memory = os.path.join(constants.DEFAULT_LOCAL_TMP, COLLECTION + "." + program)  # in a folder of this run, which others cannot write to
    try:
        seen = "%s %s" % (identity(path), identity(listed))
    except OSError:
        return path  # A checkout has no list. Where the program is missing, its start says what to do.
    try:
        with open(memory, encoding="ascii") as file:
            if file.read() == seen:
                return path
    except OSError:
        pass
    with open(listed, "rb") as file:
        wanted = [entry.get("chksum_sha256") for entry in json.load(file)["files"] if entry["name"] == "plugins/bin/" + program]
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    if wanted != [digest]:
        raise AnsibleActionFail("%s is not the program that the collection was installed with, and is not run: its SHA-256 is %s, but FILES.json has %s. "
                                "Install the collection again from its tarball, with --force" % (path, digest, ", ".join(map(str, wanted)) or "none"))
    try:
        with open(memory, "w", encoding="ascii") as file:
            file.write(seen)
    except OSError:
        pass
    return path


def identity(path):
    """Return what distinguishes a file from others, and from itself after a change."""
    state = os.stat(path)
    return "%d %d %d %d %d" % (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def advice(program):
    """Tell what to do about a program that did not start."""
    again = "install the collection again from its tarball, with --force"
    if not os.path.exists(program):
        return "This copy of the collection is without its programs, as one that comes from git: " + again
    if not os.access(program, os.X_OK):
        return "Files of the collection may not be run: its folder is mounted with noexec, or its copy has lost their modes. Mount it without, or " + again
    return "If the file is damaged, " + again


def plain(value):
    """Turn the values of a task, which may be dates, decrypted or marked in ways of some Ansible versions, into those that JSON has.

    Infinite numbers are left, which Python writes in its own way and the module refuses with the name of the option.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):  # not only a dict: before 2.19 native Jinja gives the variables of another host as something else
        return {to_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, range, Set)):  # not any sequence: an encrypted text is one before 2.19
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return to_text(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)
