#!/bin/sh
# Runs the SQL of standard input in the database of an Alerta, and prints the bare values: sql.sh DIR [DATABASE]
set -eu
programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
PATH=${programs:+$programs:}$PATH
exec psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 --host "$1/run" --username alerta "${2:-alerta}"
