# shellcheck shell=bash
# Health of each part.

# Prints the parts of the cluster; kwok only once it was asked for.
parts() {
  printf '%s\n' etcd apiserver controller-manager scheduler containerd kubelet kube-proxy coredns local-path-provisioner
  [[ ! -e $RUN/pids/kwok ]] || printf 'kwok\n'
}

healthy() { # PART
  alive "$1" || return 1
  case $1 in
    etcd) http_ok http://127.0.0.1:2379/health ;;
    apiserver) apiserver_ready ;;
    controller-manager) http_ok https://127.0.0.1:10257/healthz ;;
    scheduler) http_ok https://127.0.0.1:10259/healthz ;;
    containerd) containerd_ready ;;
    kubelet) http_ok http://127.0.0.1:10248/healthz && node_ready ;;
    kube-proxy) http_ok http://127.0.0.1:10256/healthz ;;
    coredns) http_ok http://127.0.0.1:8181/ready && dns_answers ;;
    local-path-provisioner) ;; # serves no health endpoint
    kwok) kwok_ready ;;
  esac >/dev/null 2>&1
}

# Prints "PART PID yes|no" for each part, asked side by side.
report_parts() {
  local part
  while read -r part; do
    {
      if healthy "$part"; then
        printf '%s %s yes\n' "$part" "$(pid_of "$part")"
      else
        printf '%s %s no\n' "$part" "$(pid_of "$part" || printf -- -)"
      fi
    } &
  done < <(parts)
  wait
}

all_healthy() { ! report_parts | grep --quiet ' no$'; }

show_status() { # [--json]
  local report
  report=$(report_parts | sort)
  if [[ ${1:-} == --json ]]; then
    status_json "$report"
  else
    printf '%-24s %8s  %s\n' part pid healthy
    awk '{printf "%-24s %8s  %s\n", $1, $2, $3}' <<<"$report"
    say "state folder: $STATE"
  fi
  ! grep --quiet ' no$' <<<"$report"
}

status_json() { # REPORT
  awk -v kubeconfig="$KUBECONFIG_FILE" '
    { all = all && $3 == "yes"
      parts = parts sep "{\"name\":\"" $1 "\",\"pid\":" ($2 == "-" ? "null" : $2) ",\"healthy\":" ($3 == "yes" ? "true" : "false") "}"
      sep = "," }
    BEGIN { all = 1 }
    END { printf "{\"healthy\":%s,\"kubeconfig\":\"%s\",\"parts\":[%s]}\n", all ? "true" : "false", kubeconfig, parts }
  ' <<<"$1"
}
