#!/usr/bin/env bash
# Encrypted answers from the cache, ours beside Debian's unbound and dnsdist, by turns in one run:
#   benches/encrypted.sh [ROUNDS] [SECONDS]
# Needs dnsperf, h2load (nghttp2-client), unbound, dnsdist, openssl, and the release binary. Server on core 0,
# load on core 1. Over TLS the load is busier than the server, so what counts is the time the server's core
# works for one answer; answers a second are its inverse, and not what dnsperf could ask.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${1:-5}
seconds=${2:-4}
amparo=${AMPARO:-target/release/amparo}
here=$(mktemp -d)
pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true; pids=(); }
trap 'stop; rm -rf "$here"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=dns.example.org \
  -addext "subjectAltName=DNS:dns.example.org,IP:127.0.0.1" -keyout "$here/key.pem" -out "$here/cert.pem" 2>/dev/null
for n in $(seq 1000); do echo "n$n.example.com A"; done >"$here/names"
# The same as requests: a query without an id in base64.
for n in $(seq 1000); do
  label=$(printf 'n%d' "$n")
  printf '\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00'"\\x$(printf '%02x' ${#label})"'%s\x07example\x03com\x00\x00\x01\x00\x01' "$label" \
    | base64 -w0 | tr -d = | tr '+/' '-_' | sed 's#^#https://127.0.0.1:28443/dns-query?dns=#'
  echo
done >"$here/requests"

common='do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  access-control: 127.0.0.0/8 allow'
cat >"$here/upstream.conf" <<END
server:
  $common
  directory: "$here"
  interface: 127.0.0.1@25300
  local-zone: "." redirect
  local-data: ". 3600 A 203.0.113.5"
END
cat >"$here/unbound.conf" <<END
server:
  $common
  directory: "$here"
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  interface: 127.0.0.1@28853
  interface: 127.0.0.1@28443
  tls-port: 28853
  https-port: 28443
  tls-service-key: "$here/key.pem"
  tls-service-pem: "$here/cert.pem"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@25300
END
cat >"$here/dnsdist.conf" <<END
addTLSLocal("127.0.0.1:28853", "$here/cert.pem", "$here/key.pem")
addDOHLocal("127.0.0.1:28443", "$here/cert.pem", "$here/key.pem", "/dns-query")
newServer("127.0.0.1:25300")
getPool(""):setCache(newPacketCache(100000))
END
cat >"$here/amparo.toml" <<END
[household]
public_lists = false
[dns]
listen = "127.0.0.1:25353"
upstreams = "udp://127.0.0.1:25300"
rate_limit = 1000000
[dns.encrypted]
certificate = "$here/cert.pem"
private_key = "$here/key.pem"
hostname = "dns.example.org"
tls = "127.0.0.1:28853"
https = "127.0.0.1:28443"
[child.measured]
age = 14
devices = ["127.0.0.1"]
END

start() { # a server, on core 0
  case $1 in
    amparo) exec taskset -c 0 "$amparo" --config "$here/amparo.toml" --state "$here/state" run --offline ;;
    unbound) exec taskset -c 0 unbound -d -c "$here/unbound.conf" ;;
    dnsdist) exec taskset -c 0 dnsdist --supervised -C "$here/dnsdist.conf" ;;
  esac >"$here/$1.log" 2>&1 &
  pids+=($!)
}
ticks() { # what a process has worked, in hundredths of a second
  local fields
  read -ra fields <"/proc/$1/stat"
  echo $((fields[13] + fields[14]))
}
dot() { # seconds: answers
  taskset -c 1 dnsperf -m dot -s 127.0.0.1 -p 28853 -d "$here/names" -l "$1" -c 8 -T 1 -q 200 2>/dev/null \
    | sed -n 's/.*Queries completed: *\([0-9]*\).*/\1/p'
}
doh() { # seconds: answers
  taskset -c 1 h2load -c 8 -m 25 -t 1 -D "$1" -i "$here/requests" 2>/dev/null \
    | sed -n 's/.* \([0-9]*\) succeeded.*/\1/p'
}
measure() { # way, server's process, seconds: answers a second of work
  local before answers
  before=$(ticks "$2")
  answers=$("$1" "$3")
  echo "$answers $(($(ticks "$2") - before))" | awk '{ printf "%.0f\n", $1 * 100 / ($2 > 0 ? $2 : 1) }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for ((round = 0; round < rounds; round++)); do
  for server in amparo unbound dnsdist; do
    taskset -c 1 unbound -d -c "$here/upstream.conf" >/dev/null 2>&1 &
    pids+=($!)
    start "$server"
    for _ in $(seq 100); do
      if kdig +short +tls +retry=0 -p 28853 @127.0.0.1 n1.example.com 2>/dev/null | grep -q 203; then break; fi
    done
    pid=${pids[-1]}
    for way in dot doh; do
      "$way" 1 >/dev/null
      measure "$way" "$pid" "$seconds" >>"$here/$way.$server"
    done
    stop
  done
done

printf '| answers from the cache in a second of one core | Amparo | unbound | dnsdist | to unbound | to dnsdist |\n|---|---|---|---|---|---|\n'
for way in dot doh; do
  a=$(median <"$here/$way.amparo"); u=$(median <"$here/$way.unbound"); d=$(median <"$here/$way.dnsdist")
  awk -v w="$way" -v a="$a" -v u="$u" -v d="$d" \
    'BEGIN { printf "| %s | %.0f | %.0f | %.0f | %.2f | %.2f |\n", w, a, u, d, a / u, a / d }'
done
