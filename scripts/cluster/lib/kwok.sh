# shellcheck shell=bash
# Ten nodes that only exist in the API: pods on them run and end by the rules of manifests/kwok-stages.yaml.

start_kwok() {
  start kwok "$KWOK_BIN/kwok" --kubeconfig="$RUN/kwok.kubeconfig" --config="$RUN/manifests/kwok-stages.yaml" \
    --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake --node-ip="$NODE_IP"
  kwok_nodes | admin_kubectl apply --filename=- >/dev/null
  wait_until 60 "the kwok nodes to be Ready" kwok_ready
}

kwok_nodes() {
  local number
  for ((number = 1; number <= KWOK_NODES; number++)); do
    sed "s/NAME/kwok-$number/" "$RUN/manifests/kwok-node.yaml"
  done
}

kwok_ready() {
  local statuses
  statuses=$(admin_kubectl get nodes --selector=type=kwok --request-timeout=3s \
    --output 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')
  [[ $(wc -w <<<"$statuses") -eq $KWOK_NODES && $statuses != *False* && $statuses != *Unknown* ]]
}
