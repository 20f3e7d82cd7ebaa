#!/bin/sh
# Stops the Icinga 2 of a folder and waits until all its processes are gone: stop.sh DIR [kill]
# Without kill it ends as an administrator would end it and keeps what it knows; with kill it ends at once, as in a crash.
# The folder stays, to look at or to start again; rm -r removes all that there is of the server.
set -eu
[ -e "$1/pid" ] || exit 0
pid=$(cat "$1/pid")

# The group holds the watching process, the server and its helper that runs commands. One that nobody reaps is gone all the same.
alive() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v group="$pid" '$5 == group && $3 != "Z" { found = 1 } END { exit !found }'
}

if [ "${2:-}" = kill ]; then
	kill -s KILL -- "-$pid" 2>/dev/null || true
else
	kill "$pid" 2>/dev/null || true
fi
tries=0
while alive; do
	tries=$((tries + 1))
	[ "$tries" != 600 ] || kill -s KILL -- "-$pid" 2>/dev/null || true
	sleep 0.05
done
rm "$1/pid"
