#!/usr/bin/env bash
# Shows the playbooks at work against emulated accounts at StatusCake and Pingdom, and checks what they did there: `make demo` builds what
# this needs. Nothing outside this machine is called, nothing is left behind. Exits 0 only if everything was as it says.
set -euo pipefail
cd "$(dirname "$0")"

python=${ANSIBLE_PYTHON:-../.venv/bin/python}
emulator=${EMULATOR:-../.tools/emulator}
export ANSIBLE_COLLECTIONS_PATH=${ANSIBLE_COLLECTIONS_PATH:-$PWD/../collections}

work=$(mktemp -d)
emulators=()
stop() {
	if [ ${#emulators[@]} != 0 ]; then
		kill "${emulators[@]}" 2>/dev/null || true
		wait "${emulators[@]}" 2>/dev/null || true
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
export EMULATOR_TOKEN=demo-token STATUSCAKE_API_TOKEN=demo-token PINGDOM_API_TOKEN=demo-token

for vendor in statuscake pingdom; do
	"$emulator" --seed-demo --port-file "$work/$vendor" "$vendor" >/dev/null 2>"$work/emulator.log" &
	emulators+=($!)
	until [ -e "$work/$vendor" ]; do
		kill -0 "${emulators[-1]}" 2>/dev/null || fail "the emulator of $vendor did not start: $(cat "$work/emulator.log")"
		sleep 0.05
	done
done
STATUSCAKE_API_URL=$(cat "$work/statuscake") PINGDOM_API_URL=$(cat "$work/pingdom")
export STATUSCAKE_API_URL PINGDOM_API_URL

# account VENDOR METHOD PATH [BODY] asks an emulator's admin endpoints, which no test run counts.
account() {
	"$python" - "$@" <<-'PYTHON'
		import os, sys, urllib.request
		vendor, method, path, body = (sys.argv[1:] + [None])[:4]
		request = urllib.request.Request(os.environ[vendor.upper() + "_API_URL"] + "/_emulator/" + path, method=method,
		                                 data=body and body.encode(), headers={"Authorization": "Bearer demo-token"})
		print(urllib.request.urlopen(request).read().decode(), end="")
	PYTHON
}

# play PLAYBOOK [ARGUMENT...] runs it and sets $changed, the number of tasks that changed something. With broken=... it must fail.
play() {
	echo "\$ ansible-playbook $*"
	account statuscake DELETE calls
	account pingdom DELETE calls
	local code=0
	"$(dirname "$python")/ansible-playbook" -e api_rate_limit=0 "$@" >"$work/log" 2>&1 </dev/null || code=$?
	case "$*/$code" in
		*broken=*/2 | */0) ;;
		*) fail "ansible-playbook $* ended with $code" ;;
	esac
	changed=$(awk '/ : ok=/ { sub(/.* changed=/, ""); sum += $1 } END { print sum + 0 }' "$work/log")
}

# expect VENDOR OBJECTS CREATED UPDATED DELETED compares with what the account holds and which writes it received since the last play,
# and tells them.
expect() {
	account "$1" GET state >"$work/state.json"
	account "$1" GET calls >"$work/calls.json"
	"$python" - "$work" "$@" <<-'PYTHON' || fail "the account is not as it should be"
		import collections, json, sys
		work, vendor, *expected = sys.argv[1:]
		noun = {"statuscake": "tests", "pingdom": "checks"}[vendor]
		objects = json.load(open(work + "/state.json"))[noun]
		calls = json.load(open(work + "/calls.json"))
		sent = collections.Counter()
		for call in calls["calls"]:
		    sent[call["method"]] += call["count"]
		print(f"  {len(objects)} {noun} in the account; {calls['total']} API calls: {sent['GET']} reads, "
		      f"{sent['POST']} creations, {sent['PUT']} updates, {sent['DELETE']} deletions")
		names = collections.Counter((tuple(o["tags"]), o["name"]) for o in objects)
		twice = [name for name, n in names.items() if n > 1]
		if twice:
		    sys.exit(f"there twice: {twice}")
		found = [len(objects), sent["POST"], sent["PUT"], sent["DELETE"]]
		if found != [int(n) for n in expected]:
		    sys.exit(f"{noun}, creations, updates, deletions should be {expected}, are {found}")
	PYTHON
}

unchanged() { [ "$changed" = 0 ] || fail "a run that should change nothing reports $changed changed tasks"; }

# holds CONDITION: a Python condition over what the account holds (tests, checks, maintenance) as expect found it.
holds() {
	"$python" -c 'import json, sys; sys.exit(not eval(sys.argv[2], json.load(open(sys.argv[1]))))' \
		"$work/state.json" "$1" || fail "this does not hold in the account: $1"
}

echo "An emulated StatusCake account answers at $STATUSCAKE_API_URL, a Pingdom account at $PINGDOM_API_URL."
echo "The inventory has 4 stacks with 2 services each, and 3 sites. The accounts have no rate limit here, so each run is told -e api_rate_limit=0."

printf '\n1. The first run creates a liveness and a readiness test for each service.\n'
play provision.yml
expect statuscake 16 16 0 0
holds 'all("managed_by:stackwatch" in t["tags"] for t in tests)'

printf '\n2. The second run changes nothing.\n'
play provision.yml
unchanged
expect statuscake 16 0 0 0

printf '\n3. Nor does one task for all stacks, which needs fewer calls.\n'
play converge.yml
unchanged
expect statuscake 16 0 0 0

printf '\n4. A threshold is edited. First it is only shown, then done.\n'
play provision.yml -l shop -e trigger_rate=10 --check --diff
grep -E '^(---|\+\+\+|[-+] )' "$work/log" | sed 's/^/  /'
expect statuscake 16 0 0 0
play provision.yml -l shop -e trigger_rate=10
expect statuscake 16 0 2 0
holds '{t["name"] for t in tests if t["trigger_rate"] == 10} == {"cart readiness", "search readiness"}'

printf '\n5. A stack is decommissioned. The others keep what they have.\n'
play decommission.yml -l blog
expect statuscake 12 0 0 4
holds 'not any("stack:blog" in t["tags"] for t in tests)'

printf '\n6. It comes back, and the answer to one creation gets lost. The module looks before it creates again: no duplicate.\n'
account statuscake POST faults '[{"method": "POST", "path": "/v1/uptime", "kind": "drop_after"}]'
play provision.yml -l blog
expect statuscake 16 4 0 0
[ "$(account statuscake GET faults)" = "[]" ] || fail "no answer was lost"

printf '\n7. A stack has left the inventory and was forgotten here. Housekeeping shows what it left, then removes it.\n'
printf 'stacks: {hosts: {legacy: {domain: legacy.example.com, services: [{name: web}]}}}\n' >"$work/yesterday.yml"
play provision.yml -i "$work/yesterday.yml" -i inventory -l legacy
expect statuscake 18 2 0 0
play housekeeping.yml
unchanged
grep -o 'legacy/[a-z ]*' "$work/log" | sed 's/^/  found /'
expect statuscake 18 0 0 0
play housekeeping.yml -e remove=true
expect statuscake 16 0 0 2
holds 'not any("stack:legacy" in t["tags"] for t in tests)'

printf '\n8. Pingdom watches what customers see of the stacks: one check a site. The second run changes nothing.\n'
play sites.yml
expect pingdom 3 3 0 0
holds 'all(c["encryption"] and c["port"] == 443 and "managed_by-stackwatch" in c["tags"] for c in checks)'
play sites.yml
unchanged
expect pingdom 3 0 0 0

printf '\n9. A deployment opens a maintenance window for the checks of its stack. It fails on purpose, and the window is closed all the same.\n'
play deploy.yml -l shop -e broken=shop
grep -E '^(TASK|changed|ok|fatal)' "$work/log" | sed -e 's/ \*\*\**$//' -e 's/: FAILED.*//' -e 's/^/  /'
expect pingdom 3 1 1 0
holds 'len(maintenance) == 1 and len(maintenance[0]["uptimeids"]) == 2 and maintenance[0]["to"] <= __import__("time").time()'

printf '\n10. The stack goes, and what it left in both accounts goes with it.\n'
play decommission.yml -l shop -e pingdom=true
expect statuscake 12 0 0 4
expect pingdom 1 0 0 1
holds 'not any("stack-shop" in c["tags"] for c in checks)'

printf '\nAll as it should be. The emulators are stopped and the temporary files are removed.\n'
