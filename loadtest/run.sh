#!/usr/bin/env bash
# Starts a Cauri of its own on loopback, puts a load on it, holds its books against
# themselves, stops it, and leaves a report that opens without a network.
#
#   ./run.sh                          every script
#   ./run.sh webhook_idempotence      one of them
#   COPIES=200 PAYMENTS=500 ./run.sh webhook_idempotence
set -euo pipefail
cd "$(dirname "$0")"

scripts=("$@")
if [[ ${#scripts[@]} == 0 ]]; then
	for file in *.js; do scripts+=("${file%.js}"); done
fi
for script in "${scripts[@]}"; do
	[[ -f $script.js ]] || { printf '%s.js: there is no such script\n' "$script" >&2; exit 2; }
done

reports=${REPORTS:-reports}
mkdir -p "$reports"
place=$(mktemp -d)
chmod 755 "$place" # as root, PostgreSQL runs as an account that must get in
cauri_pid=
stop() {
	if [[ -n $cauri_pid ]]; then
		kill -INT "$cauri_pid" 2>/dev/null || true
		wait "$cauri_pid" 2>/dev/null || true
	fi
	rm -rf "$place"
}
trap stop EXIT

echo 'building cauri and k6 (k6 takes two minutes the first time)…'
(cd .. && go build -o "$place/cauri" ./cmd/cauri)
k6=$(go tool -n k6)

# The demo takes the next free port when these are taken, and says which.
"$place/cauri" demo --rate 1 --data-dir "$place/demo" --http-addr 127.0.0.1:18080 --admin-addr 127.0.0.1:18081 >"$place/out" 2>&1 &
cauri_pid=$!
until grep -q '^  health' "$place/out"; do
	kill -0 "$cauri_pid" 2>/dev/null || { cat "$place/out"; exit 1; }
	curl -s --max-time 1 --retry 1 --retry-delay 1 --retry-connrefused http://127.0.0.1:18081/readyz >/dev/null || true
done
api=$(sed -n 's/^  API  *\(http[^ ]*\).*/\1/p' "$place/out")

for script in "${scripts[@]}"; do
	printf '\n== %s against %s\n' "$script" "$api"
	CAURI_URLS=$api K6_WEB_DASHBOARD=true K6_WEB_DASHBOARD_PORT=-1 K6_WEB_DASHBOARD_PERIOD=1s K6_WEB_DASHBOARD_EXPORT="$reports/$script.html" \
		"$k6" run --quiet "$script.js"
	"$place/cauri" doctor --books --database-url "postgres://postgres@/cauri-demo?host=$place/demo/socket&port=5432&sslmode=disable"
	printf 'report: %s/%s.html\n' "$reports" "$script"
done
