#!/usr/bin/env bash
# Shows the playbooks at work against an emulated StatusCake account, and checks what they did there: `make demo` builds what this needs.
# Nothing outside this machine is called, nothing is left behind. Exits 0 only if everything was as it says.
set -euo pipefail
cd "$(dirname "$0")"

python=${ANSIBLE_PYTHON:-../.venv/bin/python}
emulator=${EMULATOR:-../.tools/emulator}
export ANSIBLE_LIBRARY=${ANSIBLE_LIBRARY:-$PWD/../library}

work=$(mktemp -d)
emulator_pid=
stop() {
	if [ -n "$emulator_pid" ]; then
		kill "$emulator_pid" 2>/dev/null || true
		wait "$emulator_pid" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "FAILED: $*" >&2
	if [ -s "$work/log" ]; then
		echo "The last run said:" >&2
		cat "$work/log" >&2
	fi
	exit 1
}

# Own folders for everything, and no variable of the user's that would lead to a real account.
export ANSIBLE_CONFIG=$PWD/ansible.cfg ANSIBLE_HOME=$work/ansible ANSIBLE_REMOTE_TMP=$work/ansible/tmp XDG_CACHE_HOME=$work/cache
export ANSIBLE_NOCOLOR=1 ANSIBLE_NOCOWS=1 LC_ALL=C.UTF-8 no_proxy=127.0.0.1
export EMULATOR_TOKEN=demo-token STATUSCAKE_API_TOKEN=demo-token

"$emulator" --port-file "$work/url" >/dev/null 2>"$work/emulator.log" &
emulator_pid=$!
until [ -e "$work/url" ]; do
	kill -0 "$emulator_pid" 2>/dev/null || fail "the emulator did not start: $(cat "$work/emulator.log")"
	sleep 0.05
done
STATUSCAKE_API_URL=$(cat "$work/url")
export STATUSCAKE_API_URL

# account METHOD PATH [BODY] asks the emulator's admin endpoints, which no test run counts.
account() {
	"$python" - "$@" <<-'PYTHON'
		import os, sys, urllib.request
		method, path, body = (sys.argv[1:] + [None])[:3]
		request = urllib.request.Request(os.environ["STATUSCAKE_API_URL"] + "/_emulator/" + path, method=method,
		                                 data=body and body.encode(), headers={"Authorization": "Bearer demo-token"})
		print(urllib.request.urlopen(request).read().decode(), end="")
	PYTHON
}

# play PLAYBOOK [ARGUMENT...] runs it and sets $changed, the number of tasks that changed something.
play() {
	echo "\$ ansible-playbook $*"
	account DELETE calls
	"$(dirname "$python")/ansible-playbook" -e api_rate_limit=0 "$@" >"$work/log" 2>&1 </dev/null || fail "ansible-playbook $*"
	changed=$(awk '/ : ok=/ { sub(/.* changed=/, ""); sum += $1 } END { print sum + 0 }' "$work/log")
}

# expect TESTS CREATED UPDATED DELETED compares with what the account holds and which writes it received since the last play,
# and tells them.
expect() {
	account GET state >"$work/state.json"
	account GET calls >"$work/calls.json"
	"$python" - "$work" "$@" <<-'PYTHON' || fail "the account is not as it should be"
		import collections, json, sys
		work, *expected = sys.argv[1:]
		tests = json.load(open(work + "/state.json"))["tests"]
		calls = json.load(open(work + "/calls.json"))
		sent = collections.Counter()
		for call in calls["calls"]:
		    sent[call["method"]] += call["count"]
		print(f"  {len(tests)} tests in the account; {calls['total']} API calls: {sent['GET']} reads, "
		      f"{sent['POST']} creations, {sent['PUT']} updates, {sent['DELETE']} deletions")
		names = collections.Counter((tuple(t["tags"]), t["name"]) for t in tests)
		twice = [name for name, n in names.items() if n > 1]
		if twice:
		    sys.exit(f"there twice: {twice}")
		found = [len(tests), sent["POST"], sent["PUT"], sent["DELETE"]]
		if found != [int(n) for n in expected]:
		    sys.exit(f"tests, creations, updates, deletions should be {expected}, are {found}")
	PYTHON
}

unchanged() { [ "$changed" = 0 ] || fail "a run that should change nothing reports $changed changed tasks"; }

# holds CONDITION: a Python condition over tests, the account's tests as expect found them.
holds() {
	"$python" -c 'import json, sys; tests = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2], {"tests": tests["tests"]}))' \
		"$work/state.json" "$1" || fail "this does not hold in the account: $1"
}

echo "An emulated StatusCake account answers at $STATUSCAKE_API_URL. The inventory has 4 stacks with 2 services each."
echo "The account has no rate limit here, so each run is told -e api_rate_limit=0."

printf '\n1. The first run creates a liveness and a readiness test for each service.\n'
play provision.yml
expect 16 16 0 0
holds 'all("managed_by:stackwatch" in t["tags"] for t in tests)'

printf '\n2. The second run changes nothing.\n'
play provision.yml
unchanged
expect 16 0 0 0

printf '\n3. Nor does one task for all stacks, which needs fewer calls.\n'
play converge.yml
unchanged
expect 16 0 0 0

printf '\n4. A threshold is edited. First it is only shown, then done.\n'
play provision.yml -l shop -e trigger_rate=10 --check --diff
grep -E '^(---|\+\+\+|[-+] )' "$work/log" | sed 's/^/  /'
expect 16 0 0 0
play provision.yml -l shop -e trigger_rate=10
expect 16 0 2 0
holds '{t["name"] for t in tests if t["trigger_rate"] == 10} == {"cart readiness", "search readiness"}'

printf '\n5. A stack is decommissioned. The others keep what they have.\n'
play decommission.yml -l blog
expect 12 0 0 4
holds 'not any("stack:blog" in t["tags"] for t in tests)'

printf '\n6. It comes back, and the answer to one creation gets lost. The module looks before it creates again: no duplicate.\n'
account POST faults '[{"method": "POST", "path": "/v1/uptime", "kind": "drop_after"}]'
play provision.yml -l blog
expect 16 4 0 0
[ "$(account GET faults)" = "[]" ] || fail "no answer was lost"

printf '\n7. A stack has left the inventory and was forgotten here. Housekeeping shows what it left, then removes it.\n'
printf 'stacks: {hosts: {legacy: {domain: legacy.example.com, services: [{name: web}]}}}\n' >"$work/yesterday.yml"
play provision.yml -i "$work/yesterday.yml" -i inventory -l legacy
expect 18 2 0 0
play housekeeping.yml
unchanged
grep -o 'legacy/[a-z ]*' "$work/log" | sed 's/^/  found /'
expect 18 0 0 0
play housekeeping.yml -e remove=true
expect 16 0 0 2
holds 'not any("stack:legacy" in t["tags"] for t in tests)'

printf '\nAll as it should be. The emulator is stopped and the temporary files are removed.\n'
