# shellcheck shell=bash
# Certificates, identities and the control plane: etcd, API server, controller manager, scheduler.

make_certificates() {
  local pki=$RUN/pki
  mkdir -p "$pki"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=cdk8s-airflow-local \
    -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/service-account.key"
  openssl ec -in "$pki/service-account.key" -pubout -out "$pki/service-account.pub" 2>/dev/null

  certificate apiserver /CN=kube-apiserver serverAuth \
    "IP:127.0.0.1,IP:10.96.0.1,IP:$NODE_IP,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate kubelet-server "/O=system:nodes/CN=system:node:$NODE_NAME" serverAuth "DNS:$NODE_NAME,IP:$NODE_IP,IP:127.0.0.1"
  certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
  certificate admin /O=system:masters/CN=admin clientAuth
  certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" clientAuth
  certificate controller-manager /CN=system:kube-controller-manager clientAuth
  certificate scheduler /CN=system:kube-scheduler clientAuth
  certificate kube-proxy /CN=system:kube-proxy clientAuth
  certificate coredns /CN=cluster:coredns clientAuth
  certificate local-path-provisioner /CN=cluster:local-path-provisioner clientAuth
  certificate kwok /CN=cluster:kwok clientAuth

  local name
  for name in kubelet controller-manager scheduler kube-proxy coredns local-path-provisioner kwok; do
    write_kubeconfig "$name" https://127.0.0.1:6443 "$RUN/$name.kubeconfig"
  done
}

certificate() { # NAME SUBJECT USAGE [SUBJECT-ALTERNATIVE-NAMES]
  local name=$1 subject=$2 usage=$3 names=${4:-}
  local -a extensions=(-addext "extendedKeyUsage=$usage" -addext "basicConstraints=critical,CA:FALSE")
  [[ -z $names ]] || extensions+=(-addext "subjectAltName=$names")
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "$subject" \
    -CA "$RUN/pki/ca.crt" -CAkey "$RUN/pki/ca.key" "${extensions[@]}" \
    -keyout "$RUN/pki/$name.key" -out "$RUN/pki/$name.crt" 2>/dev/null
}

# Embeds the certificates, so that the file can be copied anywhere.
write_kubeconfig() { # IDENTITY SERVER FILE
  local identity=$1 server=$2 file=$3
  (
    umask 077
    cat >"$file.new" <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: cdk8s-airflow-local
    cluster:
      server: $server
      certificate-authority-data: $(base64 --wrap=0 "$RUN/pki/ca.crt")
users:
  - name: $identity
    user:
      client-certificate-data: $(base64 --wrap=0 "$RUN/pki/$identity.crt")
      client-key-data: $(base64 --wrap=0 "$RUN/pki/$identity.key")
contexts:
  - name: cdk8s-airflow-local
    context: {cluster: cdk8s-airflow-local, user: $identity}
current-context: cdk8s-airflow-local
YAML
  )
  mv "$file.new" "$file"
}

start_etcd() {
  # No fsync: the data never outlives one run of the cluster.
  start etcd "$ETCD_BIN/etcd" \
    --data-dir "$RUN/etcd" \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 \
    --quota-backend-bytes 8589934592 \
    --unsafe-no-fsync
}

start_apiserver() {
  start apiserver "$KUBERNETES_BIN/kube-apiserver" \
    --etcd-servers=http://127.0.0.1:2379 \
    --secure-port=6443 --advertise-address="$NODE_IP" \
    --service-cluster-ip-range="$SERVICE_CIDR" \
    --tls-cert-file="$RUN/pki/apiserver.crt" --tls-private-key-file="$RUN/pki/apiserver.key" \
    --client-ca-file="$RUN/pki/ca.crt" \
    --kubelet-client-certificate="$RUN/pki/kubelet-client.crt" --kubelet-client-key="$RUN/pki/kubelet-client.key" \
    --kubelet-certificate-authority="$RUN/pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$RUN/pki/service-account.pub" \
    --service-account-signing-key-file="$RUN/pki/service-account.key" \
    --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction \
    --allow-privileged=true \
    --audit-policy-file="$RUN/manifests/audit-policy.yaml" \
    --audit-log-path="$LOGS/audit.log" --audit-log-maxsize=100 --audit-log-maxbackup=2
}

apiserver_ready() { admin_kubectl get --raw /readyz --request-timeout=3s; }

# By default they make 20 and 50 requests a second: a namespace of a thousand pods would keep them from the next test's.
RATES=(--kube-api-qps=1000 --kube-api-burst=2000)

start_controllers() {
  start controller-manager "$KUBERNETES_BIN/kube-controller-manager" \
    --kubeconfig="$RUN/controller-manager.kubeconfig" \
    --authentication-kubeconfig="$RUN/controller-manager.kubeconfig" \
    --authorization-kubeconfig="$RUN/controller-manager.kubeconfig" \
    --bind-address=127.0.0.1 \
    --root-ca-file="$RUN/pki/ca.crt" \
    --service-account-private-key-file="$RUN/pki/service-account.key" --use-service-account-credentials \
    --cluster-signing-cert-file="$RUN/pki/ca.crt" --cluster-signing-key-file="$RUN/pki/ca.key" \
    "${RATES[@]}" \
    --leader-elect=false
  start scheduler "$KUBERNETES_BIN/kube-scheduler" \
    --kubeconfig="$RUN/scheduler.kubeconfig" \
    --authentication-kubeconfig="$RUN/scheduler.kubeconfig" \
    --authorization-kubeconfig="$RUN/scheduler.kubeconfig" \
    "${RATES[@]}" \
    --bind-address=127.0.0.1 \
    --leader-elect=false
}

default_service_account_exists() { admin_kubectl --namespace=default get serviceaccount default; }
