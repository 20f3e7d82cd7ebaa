#!/bin/sh
# Starts an Alerta of its own in a folder, with a PostgreSQL of its own, and waits until it answers: start.sh DIR [PORT [VERSION]]
#
# Without PORT (or with 0) it takes the folder's last one, or a free one. A folder that is there is started again with all that it
# holds. Both servers run as the caller; where that is root, PostgreSQL, which refuses root, runs as the user postgres.
# ALERTA_VENV names the virtual environment that Alerta is installed in. Without it that is VERSION's in this checkout, which `make alerta` makes. Alerta listens on loopback, PostgreSQL on a socket in the folder alone.
#
# DIR/port, DIR/version   where Alerta listens; its version
# DIR/keys                one "name key" a line: admin, ansible, reader; see keys.sql
# DIR/settings.conf       settings of the caller's choice, in Python; read at each start, after those that are made here
# DIR/alerta.log          what Alerta printed, of all its starts; DIR/postgres.log likewise
# DIR/run                 PostgreSQL's socket; sql.sh asks there
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
port=${2:-0} version=${3:-}
[ -n "$version" ] || version=$(cat "$dir/version" 2>/dev/null || echo 9.1.0)
venv=${ALERTA_VENV:-$here/../../../.cache/alerta/$version}
[ -x "$venv/bin/gunicorn" ] || {
	echo "Alerta $version is not installed: $venv/bin/gunicorn is missing; run make alerta, or let ALERTA_VENV name a virtual environment with it" >&2
	exit 1
}
programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
PATH=${programs:+$programs:}$PATH
command -v initdb >/dev/null || { echo "PostgreSQL is not installed" >&2; exit 1; }

as_postgres() { # the program replaces the shell, so that its process is the one that is noted
	if [ "$(id -u)" = 0 ]; then
		exec setpriv --reuid postgres --regid postgres --clear-groups "$@"
	fi
	exec "$@"
}
# The server's own user has to enter the folder, which below a home folder of mode 0700 he may not.
if [ "$(id -u)" = 0 ]; then
	chmod a+rx "$dir"
	(cd / && setpriv --reuid postgres --regid postgres --clear-groups test -x "$dir/.") || {
		echo "the user postgres may not enter $dir: as root take a folder that everybody may enter, such as one below /tmp;" \
			"for Molecule MOLECULE_EPHEMERAL_DIRECTORY names it" >&2
		exit 1
	}
fi
alive() { # alive FILE: one that has crashed and that nobody has reaped yet does not run
	[ -e "$dir/$1" ] && awk '$3 == "Z" { exit 1 }' "/proc/$(cat "$dir/$1")/stat" 2>/dev/null
}
if alive alerta.pid || alive postgres.pid; then
	echo "it runs already in $dir" >&2
	exit 1
fi
taken() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ":$(printf %04X "$1") 0*:0000 0A"
}
[ "$port" != 0 ] || port=$(cat "$dir/port" 2>/dev/null || echo 0)
if [ "$port" = 0 ]; then
	# Ports below those that the system gives to outgoing connections stay free while the server restarts.
	until [ "$port" != 0 ] && ! taken "$port"; do port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 10000)); done
elif taken "$port"; then
	echo "port $port is in use" >&2
	exit 1
fi

failed() { # failed SERVER
	echo "$1 did not start:" >&2
	tail -20 "$dir/$1.log" >&2
	"$here/stop.sh" "$dir" kill
	exit 1
}
until_ready() { # until_ready SERVER COMMAND...
	server=$1
	shift
	tries=0
	until "$@" >/dev/null 2>&1 </dev/null; do
		alive "$server.pid" || failed "$server"
		tries=$((tries + 1))
		[ "$tries" != 1200 ] || failed "$server"
		sleep 0.05
	done
}
sql() { "$here/sql.sh" "$dir" "$@"; }

new=
if [ ! -e "$dir/version" ]; then
	new=1
	rm -rf "$dir/db" # of a start that failed
	mkdir -p "$dir/db" "$dir/run"
	if [ "$(id -u)" = 0 ]; then
		chown postgres:postgres "$dir/db" "$dir/run"
	fi
	# Who may reach the socket may do everything, and that is its owner.
	chmod 700 "$dir/db" "$dir/run"
	(cd / && as_postgres initdb --pgdata "$dir/db" --username alerta --auth trust --encoding UTF8 --locale C.UTF-8 --no-sync \
		--no-instructions) >"$dir/postgres.log" 2>&1 || failed postgres
	(
		umask 077
		for name in admin ansible reader; do echo "$name $(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')"; done >"$dir/keys"
	)
	cat >"$dir/alertad.conf" <<-END
		DATABASE_URL = 'postgresql:///alerta?host=$dir/run&user=alerta'
		SECRET_KEY = '$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')'
		AUTH_REQUIRED = True
		ADMIN_USERS = ['admin@alerta.io']
		import os
		if os.path.exists('$dir/settings.conf'):
		    exec(open('$dir/settings.conf').read())
	END
fi

# Nothing that these servers hold has to outlive the machine. Shared memory is in files, so that none is left in the system.
(cd / && as_postgres setsid postgres -D "$dir/db" -k "$dir/run" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
	-c full_page_writes=off -c autovacuum=off -c max_connections=200 -c dynamic_shared_memory_type=mmap \
	-c unix_socket_permissions=0700) >>"$dir/postgres.log" 2>&1 </dev/null &
echo $! >"$dir/postgres.pid"
until_ready postgres sql postgres
[ -z "$new" ] || echo 'CREATE DATABASE alerta' | sql postgres
echo "$version" >"$dir/version"

# Only what is said here is set: the caller's own DATABASE_URL would win over the file.
env -i PATH="$PATH" LANG=C.UTF-8 ALERTA_SVR_CONF_FILE="$dir/alertad.conf" setsid "$venv/bin/gunicorn" --chdir "$dir" \
	--bind "127.0.0.1:$port" --workers 2 --threads 8 --keep-alive 30 --preload 'alerta.app:create_app()' \
	>>"$dir/alerta.log" 2>&1 </dev/null &
echo $! >"$dir/alerta.pid"
until_ready alerta curl --silent --fail --noproxy '*' "http://127.0.0.1:$port/management/gtg"
# The tables are there only now: Alerta makes them. The keys go through standard input, because everybody can read a command line.
{ sed 's/^/\\set /' "$dir/keys"; cat "$here/keys.sql"; } | sql
echo "$port" >"$dir/port"
echo "ready: http://127.0.0.1:$port"
