#!/bin/sh
# The task pod's one program, as small as a worker of Airflow 3 can be: asks the execution API whether it may run, leaves
# its record, says that it succeeded. Records are lines of a file of the pod's own:
#   WHAT LAUNCH ATTEMPT TI TRY MAP_INDEX
# The last argument is the workload, as JSON.
set -u

field() { printf '%s' "$WORKLOAD" | sed -n "s/^.*$1.*\$/\\1/p"; }

record() { printf '%s %s %s %s %s %s\n' "$1" "$LAUNCH_ID" "$ATTEMPT" "$TI" "$TRY" "$MAP_INDEX" >>"/crash/records/$POD"; }

# Sends a PATCH until it is answered; sets STATUS, and TOKEN where the answer brings a new one. The server takes the end
# of what it reads for the end of the client, so what nc reads must not end: the shell keeps the pipe open.
patch() {
  while :; do
    rm -f /tmp/request
    mkfifo /tmp/request
    exec 3<>/tmp/request
    nc "$API_HOST" "$API_PORT" </tmp/request >/tmp/answer &
    printf 'PATCH /execution/task-instances/%s/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
      "$TI" "$1" "$API_HOST" "$TOKEN" "${#2}" "$2" >&3
    wait $!
    STATUS=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' /tmp/answer)
    case $STATUS in
      '' | 5*) sleep 1 ;;
      *) break ;;
    esac
  done
  renewed=$(sed -n 's/^[Rr]efreshed-[Aa][Pp][Ii]-[Tt]oken: *\([^ \r]*\).*$/\1/p' /tmp/answer)
  TOKEN=${renewed:-$TOKEN}
}

for WORKLOAD; do :; done
TOKEN=$(field '"token":"\([^"]*\)"')
TI=$(field '"ti":{"id":"\([^"]*\)"')
TRY=$(field '"try_number":\([0-9]*\)')
MAP_INDEX=$(field '"map_index":\(-*[0-9]*\)')
record began
NOW=$(date -u +%Y-%m-%dT%H:%M:%SZ)
patch run "{\"state\":\"running\",\"hostname\":\"$POD\",\"unixname\":\"worker\",\"pid\":$$,\"start_date\":\"$NOW\"}"
if [ "$STATUS" != 200 ]; then
  record "refused-$STATUS"
  exit 0
fi
record executed
patch state "{\"state\":\"success\",\"end_date\":\"$NOW\",\"task_outlets\":[],\"outlet_events\":[]}"
record "reported-$STATUS"
