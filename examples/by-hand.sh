#!/usr/bin/env bash
# The whole visit with curl and OpenSSL alone, against a running sandbox: from metadata to a Patient, with a key and a
# certificate request made by OpenSSL. No client of ours takes part; `tessera` only plays the community's CA.
#
#   tessera sandbox            (in another terminal; it prints the folder and the addresses)
#   examples/by-hand.sh
#
# TESSERA   the program (default: tessera)          BASE   the FHIR base (default: https://localhost:8443/fhir/r4)
# CA_FILE   the root of the sandbox's web certificates (default: asked of the sandbox)
# PORT      the sandbox's first port, when it was started with --port
#
# Shows: DISC-1, DISC-2, DCR-19, AUTHN-1, TOKEN-4
set -euo pipefail
tessera=${TESSERA:-tessera}
port=${PORT:-8443}
base=${BASE:-https://localhost:$port/fhir/r4}
app=https://by-hand.example/app
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# base64url without padding, as JWS wants it
b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say '1. A key and a certificate request, made by OpenSSL; the community signs it'
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key.pem" 2>/dev/null
openssl req -new -key "$work/key.pem" -subj '/O=By hand/CN=By hand' -out "$work/request.pem"
"$tessera" sandbox certificate "$app" --csr "$work/request.pem" --out "$work" --port "$port"
openssl x509 -in "$work/chain.pem" -noout -subject -issuer -ext subjectAltName

# x5c: each certificate of the chain in standard base64, leaf first
x5c=$(awk '/BEGIN/{c=""} !/-----/{c=c $0} /END/{print c}' "$work/chain.pem" | jq -R . | jq -cs .)
ca_file=${CA_FILE:-$("$tessera" sandbox where --port "$port" --json | jq -r .tls_root)}
curl=(curl --silent --show-error --cacert "$ca_file")

# jwt CLAIMS: signs the claims with our key
jwt() {
  local head body
  head=$(jq -cn --argjson x5c "$x5c" '{alg: "RS256", x5c: $x5c}' | tr -d '\n' | b64url)
  body=$(printf '%s' "$1" | b64url)
  printf '%s.%s.%s' "$head" "$body" "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -sign "$work/key.pem" -binary | b64url)"
}

say "2. Discovery: $base/.well-known/udap"
"${curl[@]}" --fail "$base/.well-known/udap" >"$work/metadata.json"
jq 'del(.signed_metadata)' "$work/metadata.json"
registration_endpoint=$(jq -r .registration_endpoint "$work/metadata.json")
token_endpoint=$(jq -r .token_endpoint "$work/metadata.json")

say "3. Registration: $registration_endpoint"
now=$(date +%s)
statement=$(jwt "$(jq -cn --arg app "$app" --arg aud "$registration_endpoint" --arg jti "$(openssl rand -hex 16)" --argjson now "$now" '{
  iss: $app, sub: $app, aud: $aud, iat: $now, exp: ($now + 300), jti: $jti,
  client_name: "By hand", contacts: ["mailto:by-hand@example.com"], grant_types: ["client_credentials"],
  token_endpoint_auth_method: "private_key_jwt", scope: "system/Patient.rs"}')")
jq -cn --arg statement "$statement" '{software_statement: $statement, udap: "1"}' |
  "${curl[@]}" --fail-with-body -H 'Content-Type: application/json' --data @- "$registration_endpoint" >"$work/registration.json"
jq 'del(.software_statement)' "$work/registration.json"
client_id=$(jq -er .client_id "$work/registration.json")

say "4. Token: $token_endpoint"
now=$(date +%s)
assertion=$(jwt "$(jq -cn --arg id "$client_id" --arg aud "$token_endpoint" --arg jti "$(openssl rand -hex 16)" --argjson now "$now" '{
  iss: $id, sub: $id, aud: $aud, iat: $now, exp: ($now + 300), jti: $jti,
  extensions: {"hl7-b2b": {version: "1", organization_id: "https://by-hand.example/fhir/Organization/1",
    purpose_of_use: ["urn:oid:2.16.840.1.113883.5.8#TREAT"]}}}')")
"${curl[@]}" --fail-with-body "$token_endpoint" \
  --data grant_type=client_credentials --data-urlencode scope=system/Patient.rs --data udap=1 \
  --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
  --data-urlencode "client_assertion=$assertion" >"$work/token.json"
jq '.access_token = "(a JWT, left out)"' "$work/token.json"
access_token=$(jq -er .access_token "$work/token.json")

say "5. FHIR: $base/Patient"
"${curl[@]}" --fail-with-body -H "Authorization: Bearer $access_token" "$base/Patient?_count=1" >"$work/patients.json"
id=$(jq -er '.entry[0].resource.id' "$work/patients.json")
"${curl[@]}" --fail-with-body -H "Authorization: Bearer $access_token" "$base/Patient/$id" >"$work/patient.json"
jq '{resourceType, id, name, gender, birthDate}' "$work/patient.json"
jq -e '.resourceType == "Patient"' "$work/patient.json" >/dev/null

say 'From metadata to a Patient with curl and OpenSSL alone.'
