#!/usr/bin/env bash
# The token request against the floor, as docs/benchmarks.md states it: for each kind of client
# (RSA and EC) a node of ours with the SQLite store and all checks on, the floor server, and the
# load generator, round after round on the same two cores (server on 0, load on 1), loopback only.
#
#   bench/token.sh [--rounds 5] [--requests 4000] [--concurrency 8] [--profile release|dist]
#
# Builds what it needs. Needs openssl, curl, jq, node, taskset.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rounds=5 n=4000 c=8 profile=dist
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2 ;; --requests) n=$2 ;; --concurrency) c=$2 ;; --profile) profile=$2 ;;
    *) sed -n 2,10p "$0"; exit 2 ;;
  esac
  shift 2
done
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --manifest-path "$here/Cargo.toml" --release --target-dir "$target/bench"
cargo build --quiet --manifest-path "$here/../Cargo.toml" --profile "$profile" --package tessera
bin=$target/bench/release
tessera=$target/$profile/tessera
work=$(mktemp -d)
pids=()
cleanup() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; rm -rf "$work"; }
trap cleanup EXIT
"$here/make-pki.sh" "$work/pki" >/dev/null
base=https://bench.example/fhir/r4

# start_node KIND PORT: starts our node for clients of that kind, registers the leaf, prints pid and client_id
start_node() {
  local kind=$1 port=$2 d=$work/pki/$1 folder=$work/node-$1
  mkdir -p "$folder"
  cp "$work/pki/ec/server.key" "$folder/token.key"
  chmod 600 "$folder/token.key"
  cat >"$folder/node.toml" <<X
[node]
listen = "127.0.0.1:$port"
[store]
kind = "sqlite"
path = "node.db"
[audit]
path = "audit.jsonl"
[tokens]
key = "token.key"
[[communities]]
uri = "https://community.example/$kind"
name = "bench"
anchors = ["$d/root.pem"]
scopes = ["system/Patient.rs"]
[communities.revocation.preloaded]
"http://crl.example/$kind/root.crl" = "$d/root.crl"
"http://crl.example/$kind/inter.crl" = "$d/inter.crl"
[[bases]]
name = "r4"
url = "$base"
communities = [{ community = "https://community.example/$kind", certificates = "$d/holder-chain.pem", key = "$d/holder.key" }]
X
  taskset -c 0 "$tessera" serve --config "$folder/node.toml" >"$folder/log" 2>&1 &
  echo $! >"$folder/pid"
  for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/fhir/r4/.well-known/udap" >/dev/null && break; sleep 0.1; done
  echo '{"client_name":"bench","contacts":["mailto:bench@example.com"],"grant_types":["client_credentials"],
    "token_endpoint_auth_method":"private_key_jwt","scope":"system/Patient.rs"}' >"$folder/statement.json"
  "$bin/make-assertions" --client-id https://client.example/app --audience https://bench.example/oauth/r4/register \
    --key "$d/leaf.key" --chain "$d/chain.pem" --claims "$folder/statement.json" --count 1 --out "$folder/statement"
  jq -cn --arg s "$(tr -d '\n' <"$folder/statement")" '{software_statement: $s, udap: "1"}' |
    curl -sS -H 'Content-Type: application/json' --data @- "http://127.0.0.1:$port/oauth/r4/register" >"$folder/registration"
  jq -er .client_id "$folder/registration" >"$folder/client_id" || { cat "$folder/registration" "$folder/log" >&2; exit 1; }
}

# one LABEL URL PID CLIENT_ID AUDIENCE KIND WARMUP
one() {
  local label=$1 url=$2 pid=$3 id=$4 audience=$5 d=$work/pki/$6 warm=$7
  "$bin/make-assertions" --client-id "$id" --audience "$audience" --key "$d/leaf.key" --chain "$d/chain.pem" \
    --b2b "$work/pki/b2b.json" --count $((n + warm)) --out "$work/assertions"
  taskset -c 1 "$bin/loadgen" --token-url "$url" --assertions "$work/assertions" --concurrency "$c" --requests "$n" \
    --warmup "$warm" --pid "$pid" --pid-tree --label "$label" --json "$work/results.jsonl" \
    --form scope=system%2FPatient.rs --form udap=1
}

# check LABEL URL CLIENT_ID AUDIENCE KIND: good, the same again, signed by another key
check() {
  local d=$work/pki/$5 codes=''
  "$bin/make-assertions" --client-id "$3" --audience "$4" --key "$d/leaf.key" --chain "$d/chain.pem" --b2b "$work/pki/b2b.json" --count 1 --out "$work/good"
  "$bin/make-assertions" --client-id "$3" --audience "$4" --key "$d/server.key" --chain "$d/chain.pem" --b2b "$work/pki/b2b.json" --count 1 --out "$work/bad"
  for f in good good bad; do
    codes="$codes$(curl -s -o /dev/null -w '%{http_code} ' "$2" -d 'grant_type=client_credentials&scope=system%2FPatient.rs&udap=1&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer' --data "client_assertion=$(tr -d '\n' <"$work/$f")")"
  done
  case $codes in "200 4"*" 4"*) ;; *) echo "$1: good, replay, wrong key -> $codes" >&2; exit 1 ;; esac
}

port=4192
for kind in rsa ec; do
  start_node "$kind" $port
  ours=$(cat "$work/node-$kind/pid") id=$(cat "$work/node-$kind/client_id")
  pids+=("$ours")
  taskset -c 0 "$bin/floor-server" --port $((port + 10)) --threads 1 --mode token --root "$work/pki/$kind/root.pem" \
    --client-id https://client.example/app --audience https://as.example/token --sign-key "$work/pki/ec/server.key" 2>/dev/null &
  floor=$!
  pids+=($floor)
  sleep 1
  check floor "http://127.0.0.1:$((port + 10))/token" https://client.example/app https://as.example/token "$kind"
  check ours "http://127.0.0.1:$port/oauth/r4/token" "$id" https://bench.example/oauth/r4/token "$kind"
  for r in $(seq "$rounds"); do
    warm=300; [ "$r" = 1 ] && warm=2000
    one "floor-$kind" "http://127.0.0.1:$((port + 10))/token" $floor https://client.example/app https://as.example/token "$kind" $warm
    one "ours-$kind" "http://127.0.0.1:$port/oauth/r4/token" "$ours" "$id" https://bench.example/oauth/r4/token "$kind" $warm
  done
  kill "$ours" "$floor" 2>/dev/null || true
  port=$((port + 1))
done
node -e '
const rows=require("fs").readFileSync(process.argv[1],"utf8").trim().split("\n").map(JSON.parse);
const med=(a)=>a.sort((x,y)=>x-y)[Math.floor(a.length/2)];
const of=(label,f)=>med(rows.filter(r=>r.label===label).map(f));
console.log("\nmedians over the rounds, CPU of the server per request:");
for(const [kind,name] of [["rsa","RS256 assertion, ES256 token"],["ec","ES256 assertion, ES256 token"]]){
  const floor=of("floor-"+kind,r=>r.cpu_s_per_1000),ours=of("ours-"+kind,r=>r.cpu_s_per_1000);
  const bad=rows.filter(r=>r.label.endsWith(kind)).reduce((a,r)=>a+r.bad,0);
  console.log(`  ${name}: floor ${(floor*1000).toFixed(0)} us, ours ${(ours*1000).toFixed(0)} us, ratio ${(ours/floor).toFixed(2)}; ours ${of("ours-"+kind,r=>r.req_per_s).toFixed(0)} req/s, p99 ${of("ours-"+kind,r=>r.p99_ms).toFixed(1)} ms; bad answers ${bad}`);
}' "$work/results.jsonl"
