#!/bin/sh
# Starts an Icinga 2 of its own in a folder, with its API on loopback, and waits until it answers: start.sh DIR [PORT [NAME]]
#
# Without PORT (or with 0) it takes the folder's last one, or a free one. NAME is the server's name; any other than localhost
# makes a certificate like those of `icinga2 api setup`, which holds that name and no address. A folder that is there is
# started again with all that it holds. As root the server runs as the user nagios, else as the caller, who needs no rights.
#
# DIR/port, DIR/pid      where it listens; the leader of its process group
# DIR/pki                ca.crt, server.crt, and for the user ansible: ansible.crt, ansible.key
# DIR/passwords          one "user password" a line: root, ansible, reader; see api-users.conf
# DIR/icinga2.log        what the server printed, of all its starts
# DIR/etc, DIR/data      its configuration; what was created through the API is below data/api/packages/_api
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
port=${2:-0} name=${3:-}
[ -n "$name" ] || name=$(cat "$dir/name" 2>/dev/null || echo localhost)
icinga2=$(PATH=$PATH:/usr/sbin command -v icinga2) || { echo "icinga2 is not installed" >&2; exit 1; }

# The server's own user has to enter the folder, which below a home folder of mode 0700 he may not.
if [ "$(id -u)" = 0 ]; then
	chmod a+rx "$dir"
	(cd / && setpriv --reuid nagios --regid nagios --clear-groups test -x "$dir/.") || {
		echo "the user nagios may not enter $dir: as root take a folder that everybody may enter, such as one below /tmp;" \
			"for Molecule MOLECULE_EPHEMERAL_DIRECTORY names it" >&2
		exit 1
	}
fi

# One that has crashed and that nobody has reaped yet does not run.
if [ -e "$dir/pid" ] && awk '$3 == "Z" { exit 1 }' "/proc/$(cat "$dir/pid")/stat" 2>/dev/null; then
	echo "it runs already in $dir" >&2
	exit 1
fi

key() { # key FILE: a new key that only its owner reads
	(umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null)
}
leaf() { # leaf FILE NAME ALTERNATIVES: a key and its certificate
	key "$1.key"
	openssl req -new -key "$1.key" -subj "/CN=$2" -addext "subjectAltName=$3" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -copy_extensions copy -out "$1.crt" 2>/dev/null
	rm "$1.csr"
}

if [ ! -e "$dir/name" ]; then
	mkdir -p "$dir/pki" "$dir/etc/conf.d" "$dir/data/certs" "$dir/log" "$dir/cache" "$dir/spool" "$dir/run"
	(
		cd "$dir/pki"
		key ca.key
		openssl req -x509 -new -key ca.key -days 3650 -subj "/CN=Icinga CA" -out ca.crt
		alternatives="DNS:$name"
		[ "$name" != localhost ] || alternatives="$alternatives,IP:127.0.0.1"
		leaf server "$name" "$alternatives"
		leaf ansible ansible DNS:ansible
		cp ca.crt ../data/certs/
		cp server.crt "../data/certs/$name.crt"
		cp server.key "../data/certs/$name.key"
	)
	(
		umask 077
		for user in root ansible reader; do echo "$user $(openssl rand -hex 16)"; done >"$dir/passwords"
		echo 'const Passwords = {}' >"$dir/etc/passwords.conf"
		sed 's/\(.*\) \(.*\)/Passwords.\1 = "\2"/' "$dir/passwords" >>"$dir/etc/passwords.conf"
	)
	cp "$here/icinga2.conf" "$here/api-users.conf" "$dir/etc/"
	cp "$here"/conf.d/*.conf "$dir/etc/conf.d/"
	echo "$name" >"$dir/name"
fi

if [ "$(id -u)" = 0 ]; then
	chown -R nagios:nagios "$dir/etc" "$dir/data" "$dir/log" "$dir/cache" "$dir/spool" "$dir/run"
else
	ICINGA2_USER=$(id -un) ICINGA2_GROUP=$(id -gn)
	export ICINGA2_USER ICINGA2_GROUP
fi

launch() { # launch PORT: 0 if it answers there, 1 if it ended
	setsid "$icinga2" daemon -c "$dir/etc/icinga2.conf" -x "${LOGLEVEL:-information}" -D "NodeName=$name" -D "ApiPort=$1" \
		-D "ConfigDir=$dir/etc" -D "DataDir=$dir/data" -D "LogDir=$dir/log" -D "CacheDir=$dir/cache" -D "SpoolDir=$dir/spool" \
		-D "InitRunDir=$dir/run" >>"$dir/icinga2.log" 2>&1 </dev/null &
	pid=$!
	echo "$pid" >"$dir/pid" # at once, so that stop.sh knows it however this ends
	tries=0
	# The password goes through standard input, because everybody can read a command line.
	until sed -n 's/^root /user = root:/p' "$dir/passwords" | curl --silent --fail --config - --output /dev/null --noproxy '*' \
		--cacert "$dir/pki/ca.crt" --resolve "$name:$1:127.0.0.1" "https://$name:$1/v1/status/IcingaApplication"; do
		kill -0 "$pid" 2>/dev/null || return 1
		tries=$((tries + 1))
		if [ "$tries" = 1200 ]; then
			kill -s KILL -- "-$pid"
			return 1
		fi
		sleep 0.05
	done
	echo "$1" >"$dir/port"
	echo "ready: https://$name:$1, process group $pid"
}

# Icinga 2 shares its port with whoever listens there (SO_REUSEPORT), so a port in use is no failure that it would tell.
taken() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ":$(printf %04X "$1") 0*:0000 0A"
}

[ "$port" != 0 ] || port=$(cat "$dir/port" 2>/dev/null || echo 0)
if [ "$port" = 0 ]; then
	# Ports below those that the system gives to outgoing connections stay free while the server restarts.
	until [ "$port" != 0 ] && ! taken "$port"; do port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 10000)); done
else
	tries=0
	while taken "$port"; do # threads of one that was killed hold it for a moment longer than its process
		tries=$((tries + 1))
		[ "$tries" != 40 ] || { echo "port $port is in use" >&2; exit 1; }
		sleep 0.05
	done
fi
if ! launch "$port"; then
	rm "$dir/pid"
	echo "icinga2 did not start:" >&2
	tail -20 "$dir/icinga2.log" >&2
	exit 1
fi
