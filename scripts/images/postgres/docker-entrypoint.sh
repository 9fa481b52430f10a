#!/usr/bin/env bash
# The public image's contract: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS (or each …_FILE),
# POSTGRES_HOST_AUTH_METHOD, PGDATA, and *.sql and *.sh in /docker-entrypoint-initdb.d on the first start.
set -Eeuo pipefail

from_file() {
  local name=$1 file=$1_FILE value=${2:-}
  if [[ -n ${!name:-} && -n ${!file:-} ]]; then
    echo "error: both $name and $file are set (but are exclusive)" >&2
    exit 1
  fi
  [[ -z ${!file:-} ]] || value=$(<"${!file}")
  export "$name=${!name:-$value}"
  unset "$file"
}

[[ ${1:-} != -* ]] || set -- postgres "$@"
[[ ${1:-} == postgres ]] || exec "$@"

mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" 2>/dev/null || true
if [[ $(id -u) == 0 ]]; then
  chown -R postgres: "$PGDATA" /var/run/postgresql
  exec setpriv --reuid postgres --regid postgres --init-groups "${BASH_SOURCE[0]}" "$@"
fi

if [[ -s $PGDATA/PG_VERSION ]]; then
  exec "$@"
fi

from_file POSTGRES_USER postgres
from_file POSTGRES_PASSWORD
from_file POSTGRES_DB "$POSTGRES_USER"
from_file POSTGRES_INITDB_ARGS
auth=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
if [[ -z $POSTGRES_PASSWORD && $auth != trust ]]; then
  echo 'error: the database is not initialized and no superuser password is given: set POSTGRES_PASSWORD' >&2
  exit 1
fi

# A container killed half way through initdb leaves a folder without PG_VERSION or with a part of a cluster in it;
# initdb makes it elsewhere on the volume, and one rename at the end makes it the database.
fresh=$PGDATA/.initdb
rm -rf "$fresh"
# shellcheck disable=SC2086 # POSTGRES_INITDB_ARGS is a list of arguments, as in the public image
initdb --username "$POSTGRES_USER" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") --pgdata "$fresh" $POSTGRES_INITDB_ARGS
printf '\nhost all all all %s\n' "$auth" >>"$fresh/pg_hba.conf"
printf "listen_addresses = '*'\nunix_socket_directories = '/var/run/postgresql'\n" >>"$fresh/postgresql.conf"

export PGHOST=/var/run/postgresql PGUSER=$POSTGRES_USER PGPASSWORD=$POSTGRES_PASSWORD
pg_ctl --pgdata "$fresh" --wait --options "-c listen_addresses='' -c unix_socket_directories=$PGHOST" start
if [[ $POSTGRES_DB != postgres ]]; then
  printf 'CREATE DATABASE :"db";\n' | psql -X -v ON_ERROR_STOP=1 --no-password --dbname postgres --set db="$POSTGRES_DB"
fi
for script in /docker-entrypoint-initdb.d/*; do
  case $script in
    *.sh) bash "$script" ;;
    *.sql) psql -X -v ON_ERROR_STOP=1 --no-password --dbname "$POSTGRES_DB" --file "$script" ;;
  esac
done
pg_ctl --pgdata "$fresh" --mode fast --wait stop
unset PGHOST PGUSER PGPASSWORD

# PG_VERSION last: a start that finds it finds everything.
find "$fresh" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
mv "$fresh/PG_VERSION" "$PGDATA/"
rmdir "$fresh"
exec "$@"
