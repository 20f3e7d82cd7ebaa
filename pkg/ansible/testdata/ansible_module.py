# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers cases with the real AnsibleModule: one JSON case a line comes in, one JSON answer a line goes out."""
import copy
import io
import json
import math
import os
import re
import sys
import warnings

warnings.simplefilter("ignore")

from ansible.module_utils import basic
from ansible.module_utils._internal import _event_utils
from ansible.module_utils.common import arg_spec, parameters
from ansible.module_utils.parsing import convert_bool
from ansible.module_utils.common import warnings as ansible_warnings
from ansible.module_utils.common.validation import check_type_dict

recorded = {}
log = []
hide = []  # more secrets: the quoted forms of those that the first round found


def record(self, result):
    recorded["result"] = result
    recorded["secrets"] = self.no_log_values


def record_log(self, msg):
    log.append(msg)


basic.AnsibleModule._record_module_result = record
basic.AnsibleModule._log_to_syslog = record_log
basic.AnsibleModule._check_locale = lambda self: None
basic.has_journal = False
# A set of Python has no order to compare with; this is the one that the Go port shows.
convert_bool.BOOLEANS = ("y", "yes", "on", "1", "true", "t", 1, "n", "no", "off", "0", "false", "f", 0)
RETURNS_ARGUMENTS_IF_ASKED = "inject_invocation" in parameters.PASS_VARS  # 2.21
plain_validate = arg_spec.ModuleArgumentSpecValidator.validate


plain_init = arg_spec.ValidationResult.__init__
plain_defaults = parameters._set_defaults


class Sorted(set):
    """Python lists unsupported arguments in the order of a set; for a comparison they need one."""

    def __iter__(self):
        return iter(sorted(super().__iter__(), key=lambda item: ".".join(item) if isinstance(item, tuple) else item))


def init(self, params):
    plain_init(self, params)
    self._unsupported_parameters = Sorted()


arg_spec.ValidationResult.__init__ = init


def unshared_defaults(argument_spec, params, set_default=True):
    """All items of a list share one default in Python, and with it what the first of them puts into it."""
    unshared = {name: {**option, "default": copy.deepcopy(option.get("default"))} for name, option in argument_spec.items()}
    return plain_defaults(unshared, params, set_default)


SHORTEST_PART = 8


def parts(value, into):
    """The Go port hides what is inside a secret list or dictionary only from a length on, lest every 1 of the answer be hidden."""
    found = set()
    leaves(value, found)
    into.update(found if isinstance(value, (str, int, float)) else {part for part in found if len(part) >= SHORTEST_PART})


def in_word(character):
    return character.isalpha() or character.isdecimal() or character == "_"


def within_word(text, secret, start):
    """The Go port hides what is short only where it is no part of a word."""
    if len(secret) >= SHORTEST_PART:
        return False
    end, punctuation = start + len(secret), not any(map(in_word, secret))
    anew = re.search(r"(?:%[0-9A-Fa-f]{2}|\\(?:[abfnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}))$", text[max(0, start - 6):start])
    return bool(
        (punctuation or in_word(secret[0])) and start and in_word(text[start - 1]) and not anew
        or (punctuation or in_word(secret[-1])) and end < len(text) and in_word(text[end])
    )


def masked_text(text, found):
    for secret in found:
        start = text.find(secret)
        while start >= 0:
            if within_word(text, secret, start):
                start = text.find(secret, start + 1)
            else:
                text = text[:start] + "*" * 8 + text[start + len(secret):]
                start = text.find(secret, start + 8)
    return text


plain_remove = parameters._remove_values_conditions


def hardened_remove(value, no_log_strings, deferred_removals):
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return plain_remove(value, no_log_strings, deferred_removals)
    text = str(value)
    masked = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" if text in no_log_strings else masked_text(text, no_log_strings)
    if masked == text:
        return value
    return masked if isinstance(value, str) else "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def masked_leaves(value):
    if value is None or isinstance(value, bool) or value == "":
        return value
    if isinstance(value, dict):
        return {key: masked_leaves(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked_leaves(item) for item in value]
    return "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def mask_in_place(spec, params):
    """What is short is hidden in its own option all the same."""
    for name, option in spec.items():
        for key in [name, *option.get("aliases", [])]:
            value = params.get(key)
            if option.get("no_log") and isinstance(value, (dict, list, tuple)):
                params[key] = masked_leaves(value)
            elif nests(option):
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, dict):
                        mask_in_place(option["options"], item)


plain_log = basic.AnsibleModule._log_invocation


def hardened_log(self):
    params = self.params
    self.params = copy.deepcopy(params)
    mask_in_place(self.argument_spec, self.params)
    plain_log(self)
    self.params = params


def leaves(value, into):
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        if value != "":
            into.add(str(value))
    elif isinstance(value, dict):
        for item in value.values():
            leaves(item, into)
    elif isinstance(value, (list, tuple)):
        for item in value:
            leaves(item, into)


def nests(option):
    is_dict = option.get("type") == "dict" or (option.get("type") == "list" and option.get("elements") == "dict")
    return is_dict and option.get("options") is not None


def bland(value):
    """What hides nothing as it came in hides nothing as a text either."""
    return isinstance(value, bool) or not value


def secrets(spec, params, into, before=None):
    """What the Go port hides: every secret option in every form it takes, whatever went wrong elsewhere."""
    for name, option in spec.items():
        value = params.get(name)
        if option.get("no_log") and value and not (before is not None and name in before and bland(before[name])):
            parts(value, into)
        if value is not None and nests(option):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, str):
                    try:
                        item = check_type_dict(item)
                    except TypeError:
                        continue
                if isinstance(item, dict):
                    secrets(option["options"], item, into, raw_of(before, name, value, item))


def short_parts(spec, params, into, whole):
    """Takes the short parts of secret lists and dictionaries, and what is a secret as a whole."""
    for name, option in spec.items():
        value = params.get(name)
        if option.get("no_log"):
            leaves(value, into if isinstance(value, (list, tuple, dict)) else whole)
            if option.get("default") and name not in params:
                whole.add(str(option["default"]))
            whole.update(os.environ[variable] for variable in option.get("fallback", (None, []))[1] if variable in os.environ)
        if value is not None and nests(option):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    short_parts(option["options"], item, into, whole)


def raw_of(before, name, value, item):
    """The suboptions as they came in."""
    if before is None:
        return None
    raw = before.get(name)
    if isinstance(raw, list):
        raw = raw[value.index(item)] if isinstance(value, list) and len(raw) == len(value) and item in value else None
    if isinstance(raw, str):
        try:
            raw = check_type_dict(raw)
        except TypeError:
            raw = None
    return raw if isinstance(raw, dict) else {}


def resolve(spec, params, into):
    """Takes secrets from where the environment and aliases put them, level by level."""
    try:
        parameters.set_fallbacks(spec, params)
        parameters._handle_aliases(spec, params)
    except (TypeError, ValueError):
        pass
    secrets(spec, params, into)
    for name, option in spec.items():
        value = params.get(name)
        if nests(option):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    resolve(option["options"], item, into)


def hardened_validate(self, params):
    more = set()
    raw = copy.deepcopy(params)
    resolve(self.argument_spec, raw, more)
    result = plain_validate(self, params)
    secrets(self.argument_spec, result._validated_parameters, more, raw)
    short, whole = set(), set()
    short_parts(self.argument_spec, raw, short, whole)
    short_parts(self.argument_spec, result._validated_parameters, short, set())
    result._no_log_values.difference_update({part for part in short - whole if len(part) < SHORTEST_PART})
    result._no_log_values.update(more)
    result._no_log_values.update(hide)
    return result


def finite(value):
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [finite(item) for item in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value


def build(spec):
    built = {}
    for name, option in spec.items():
        option = dict(option)
        if "env" in option:
            option["fallback"] = (basic.env_fallback, option.pop("env"))
        if option.get("options") is not None:
            option["options"] = build(option["options"])
        built[name] = option
    return built


def answer(case, hardened):
    recorded.clear()
    log.clear()
    ansible_warnings._global_warnings.clear()
    ansible_warnings._global_deprecations.clear()
    os.environ.clear()
    os.environ.update(case["env"])
    basic.AnsibleModule._log_invocation = hardened_log if hardened else plain_log
    parameters._remove_values_conditions = hardened_remove if hardened else plain_remove
    arg_spec.ModuleArgumentSpecValidator.validate = hardened_validate if hardened else plain_validate
    arg_spec._set_defaults = parameters._set_defaults = unshared_defaults if hardened else plain_defaults
    args = case["args"]
    if RETURNS_ARGUMENTS_IF_ASKED and "_ansible_inject_invocation" not in args:
        # Older versions always answer with the arguments, and the Go port too where the caller does not say what it wants.
        args = '{"_ansible_inject_invocation": true' + (", " if args.strip("{} \n") else "") + args.lstrip()[1:]
    basic._ANSIBLE_ARGS = b'{"ANSIBLE_MODULE_ARGS": ' + args.encode() + b"}"
    basic._ANSIBLE_PROFILE = "legacy"
    rules = case["spec"]
    code = None
    try:
        module = basic.AnsibleModule(
            build(copy.deepcopy(rules["options"])),  # AnsibleModule changes defaults in place
            mutually_exclusive=rules.get("mutually_exclusive"),
            required_together=rules.get("required_together"),
            required_one_of=rules.get("required_one_of"),
            required_if=rules.get("required_if"),
            required_by=rules.get("required_by"),
            supports_check_mode=rules.get("supports_check_mode", False),
        )
        module.exit_json(changed=False, **case["result"])
    except SystemExit as ex:
        code = ex.code
    except Exception as ex:
        return {"crash": f"{type(ex).__name__}: {ex}"}
    result = recorded["result"]
    if "warnings" in result:
        result["warnings"] = [_event_utils.format_event_brief_message(w.event) for w in result["warnings"]]
    if "deprecations" in result:
        result["deprecations"] = [_event_utils.deprecation_as_dict(d) for d in result["deprecations"]]
    secrets_found = recorded["secrets"]
    if hardened:
        if "module_args" in result.get("invocation", {}):
            mask_in_place(rules["options"], result["invocation"]["module_args"])
        # Python shows messages as they are.
        if "warnings" in result:
            result["warnings"] = parameters.remove_values(result["warnings"], secrets_found)
        for deprecation in result.get("deprecations", []):
            deprecation["msg"] = parameters.remove_values(deprecation["msg"], secrets_found)
    return {"code": code, "log": list(log), "result": result, "secrets": sorted(map(str, secrets_found))}


for line in sys.stdin:
    case = json.loads(line)
    hide = case["hide"]
    both = {"plain": answer(case, False), "hardened": answer(case, True)}
    out = io.StringIO()
    try:
        json.dump(finite(both), out)
    except Exception as ex:
        out = io.StringIO(json.dumps({"plain": {"crash": f"encoding: {ex}"}}))
    sys.stdout.write(out.getvalue() + "\n")
