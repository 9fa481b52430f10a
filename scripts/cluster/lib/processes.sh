# shellcheck shell=bash
# Starting the cluster's daemons and knowing whether they live.

# Starts a daemon inside the node's network namespace: its own session, no inherited descriptor (a lock held by the
# caller must not outlive it), output to its log.
start() { # NAME COMMAND...
  local name=$1
  shift
  (
    cd "$RUN" || exit 1
    close_descriptors
    # nsenter, not `ip netns exec`: that one mounts a fresh /sys, without the cgroups.
    exec setsid nsenter --net="$NETNS_FILE" -- "$@"
  ) </dev/null >"$LOGS/$name.log" 2>&1 &
  printf '%s %s\n' "$!" "$(start_time "$!")" >"$RUN/pids/$name"
}

close_descriptors() {
  local path descriptor
  for path in /proc/"$BASHPID"/fd/*; do
    descriptor=${path##*/}
    if ((descriptor > 2)); then
      eval "exec $descriptor>&-"
    fi
  done
}

# Clock ticks since boot when the process started: with the pid it names a process for good. Nothing for a dead one
# that its parent has not fetched yet; one whose other threads are still ending holds its ports and is not dead.
start_time() { # PID
  local stat
  local -a fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The command's name, in parentheses, may hold blanks: count the fields behind it.
  read -ra fields <<<"${stat##*) }"
  if [[ ${fields[0]} != Z ]] || ((fields[17] > 1)); then
    printf '%s' "${fields[19]}"
  fi
}

# Prints the pid of a daemon that is alive; a recorded pid that now belongs to another process does not count.
pid_of() { # NAME
  local pid began
  [[ -r $RUN/pids/$1 ]] || return 1
  read -r pid began <"$RUN/pids/$1" || return 1
  [[ -n $began && $(start_time "$pid") == "$began" ]] || return 1
  printf '%s' "$pid"
}

alive() { pid_of "$1" >/dev/null; }
