#!/bin/sh
# Stops the Alerta of a folder and its PostgreSQL, and waits until all their processes are gone: stop.sh DIR [kill]
# Without kill they end as an administrator would end them; with kill Alerta ends in the middle of its calls, as in a crash.
# The folder stays, to look at or to start again; rm -r removes all that there is of the servers.
set -eu

# A group holds a server and its helpers. One that nobody reaps is gone all the same.
alive() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v group="$1" '$5 == group && $3 != "Z" { found = 1 } END { exit !found }'
}
stop() { # stop FILE SIGNAL TO: TO is the process, or with a minus its whole group
	[ -e "$1" ] || return 0
	pid=$(cat "$1")
	kill -s "$2" -- "$3$pid" 2>/dev/null || true
	tries=0
	while alive "$pid"; do
		tries=$((tries + 1))
		[ "$tries" != 600 ] || kill -s KILL -- "-$pid" 2>/dev/null || true
		sleep 0.05
	done
	rm "$1"
}
if [ "${2:-}" = kill ]; then
	stop "$1/alerta.pid" KILL -
	stop "$1/postgres.pid" QUIT "" # at once, yet it takes its shared memory with it
else
	stop "$1/alerta.pid" TERM ""
	stop "$1/postgres.pid" INT ""
fi
