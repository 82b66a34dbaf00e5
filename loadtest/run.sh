#!/usr/bin/env bash
# Starts on loopback what a load test needs (a private PostgreSQL, two nodes of the
# engine on it, the simulated gateways), puts the load on it, holds the books against
# themselves after every script, stops everything, and leaves one page a script that
# opens without a network.
#
#   ./run.sh                                    every script but soak
#   ./run.sh --quick                            the same in under a minute, for CI
#   ./run.sh webhook_idempotence payments       these
#   COPIES=200 PAYMENTS=500 ./run.sh webhook_idempotence
#
# A script's settings are environment variables: README.md lists them. REPORTS names
# where reports go, NODES=1 leaves the second node out, K6_WITHIN bounds k6's building.
# Exits 0 when every threshold and every invariant held, 1 when not, 2 on a misspelt
# argument, 69 when k6 can't be built here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly unavailable=69 # EX_UNAVAILABLE of sysexits.h
readonly ready_within=60 stop_within=35 # seconds; a node drains for 28 at most
readonly api_key=ck_test_cauri_development paystack_key=sk_test_cauri_development

quick=
declare -a scripts=()
for arg in "$@"; do
	case $arg in
	--quick) quick=yes ;;
	-h | --help)
		sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"
		exit 0
		;;
	*)
		name=${arg%.js}
		if [[ $name == -* || ! -f $name.js ]]; then
			printf '%s: there is no such script; there are: %s\n' "$arg" "$(printf '%s ' *.js)" >&2
			exit 2
		fi
		scripts+=("$name")
		;;
	esac
done
((${#scripts[@]})) || scripts=(webhook_idempotence webhook_burst payments gateway_outage)

reports=$(mkdir -p "${REPORTS:-reports}" && cd "${REPORTS:-reports}" && pwd)
place=$(mktemp -d "${TMPDIR:-/tmp}/cauri-load-XXXXXX")
chmod 711 "$place" # as root, PostgreSQL runs as an account that must get through
declare -a running=() # processes of ours, in the order in which they were started
verdict=failed

# finish stops what was started, the last first, and keeps the logs of a failure.
finish() {
	local code=$? i pid
	trap '' INT TERM
	trap - EXIT
	for ((i = ${#running[@]} - 1; i >= 0; i--)); do
		pid=${running[i]}
		kill -TERM "$pid" 2>/dev/null || continue
		if ! within "$stop_within" gone "$pid"; then
			printf 'process %s did not stop within %s s and was killed\n' "$pid" "$stop_within" >&2
			kill -KILL "$pid" 2>/dev/null || true
		fi
		wait "$pid" 2>/dev/null || true
	done
	if [[ $verdict == failed && -d $place ]]; then
		for log in "$place"/*.log; do
			[[ -f $log ]] && cp "$log" "$reports/" && printf 'log: %s/%s\n' "$reports" "${log##*/}" >&2
		done
	fi
	rm -rf "$place"
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# within asks until the answer is yes, or so many seconds are over.
within() {
	local until=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < until)) || return 1
		sleep 0.1 # between two questions
	done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# start runs a program of ours, its output in a log.
start() {
	local log=$place/$1.log
	shift
	"$@" >"$log" 2>&1 </dev/null &
	running+=("$!")
}

# up reports that a process answers a question; one that has ended never will.
up() {
	local name=$1 pid=$2
	shift 2
	if gone "$pid"; then
		printf '%s has stopped by itself:\n' "$name" >&2
		tail -n 20 "$place/$name.log" >&2
		exit 1
	fi
	"$@" >/dev/null 2>&1
}

await() {
	within "$ready_within" up "$@" && return
	printf '%s is not ready after %s s:\n' "$1" "$ready_within" >&2
	tail -n 20 "$place/$1.log" >&2
	exit 1
}

# free_ports prints so many ports of loopback on which nobody listens.
free_ports() {
	local port
	local -A found=()
	while ((${#found[@]} < $1)); do
		port=$((20000 + RANDOM % 12000)) # below the ports that the kernel gives to clients
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || found[$port]=yes
	done
	printf '%s\n' "${!found[@]}"
}

# address prints where the sandbox says that a simulated gateway listens.
address() { sed -n "s|^Simulated $1: \(http://.*\)|\1|p" "$place/sandbox.log" | grep .; }

built() {
	printf 'building cauri and k6 (k6 takes two minutes the first time)…\n'
	(cd .. && go build -buildvcs=false -o "$place/cauri" ./cmd/cauri)
	if ! k6=$(timeout "${K6_WITHIN:-600}" go tool -n k6); then
		printf 'SKIPPED: k6 could not be built here\n'
		verdict=skipped
		exit "$unavailable"
	fi
}

# node starts one engine and waits until it is ready.
node() {
	local name=$1 api=$2 admin=$3
	shift 3
	start "$name" env CAURI_ENV=development CAURI_API_KEY=$api_key PAYSTACK_SECRET_KEY=$paystack_key \
		PAYSTACK_BASE_URL="$PAYSTACK_SANDBOX_URL" FEDAPAY_BASE_URL="$FEDAPAY_SANDBOX_URL" \
		CAURI_HTTP_ADDR="127.0.0.1:$api" CAURI_ADMIN_ADDR="127.0.0.1:$admin" \
		CAURI_RATE_PER_KEY=off CAURI_STARTS_PER_PHONE=off CAURI_STARTS_PER_BOOKING=off CAURI_CODES_PER_PHONE=off \
		CAURI_BREAKER_OPEN_FOR="${CAURI_BREAKER_OPEN_FOR:-4s}" CAURI_LOG_LEVEL=WARN \
		"$@" "$place/cauri" serve
	await "$name" "${running[-1]}" "$place/cauri" doctor --ready --admin-addr "127.0.0.1:$admin"
}

launched() {
	local -a ports
	mapfile -t ports < <(free_ports 4)
	unset DATABASE_URL
	start sandbox "$place/cauri" sandbox --paystack-addr 127.0.0.1:0 --fedapay-addr 127.0.0.1:0 --keep-enabled --float 1000000000 \
		--webhook-url "http://127.0.0.1:${ports[0]}/webhooks/paystack" --fedapay-webhook-url "http://127.0.0.1:${ports[0]}/webhooks/fedapay"
	await sandbox "${running[-1]}" address FedaPay
	PAYSTACK_SANDBOX_URL=$(address Paystack) FEDAPAY_SANDBOX_URL=$(address FedaPay)
	export PAYSTACK_SANDBOX_URL FEDAPAY_SANDBOX_URL

	database="postgres://postgres@/cauri?host=$place/data/socket&port=5432&sslmode=disable"
	node node1 "${ports[0]}" "${ports[1]}" CAURI_DATA_DIR="$place/data"
	CAURI_URLS="http://127.0.0.1:${ports[0]}" CAURI_ADMIN_URLS="http://127.0.0.1:${ports[1]}"
	if [[ ${NODES:-2} != 1 ]]; then
		node node2 "${ports[2]}" "${ports[3]}" DATABASE_URL="$database"
		CAURI_URLS+=",http://127.0.0.1:${ports[2]}" CAURI_ADMIN_URLS+=",http://127.0.0.1:${ports[3]}"
	fi
	export CAURI_URLS CAURI_ADMIN_URLS CAURI_API_KEY=$api_key PAYSTACK_SECRET_KEY=$paystack_key
	printf 'nodes %s   gateways %s %s\n' "${CAURI_URLS//,/ }" "$PAYSTACK_SANDBOX_URL" "$FEDAPAY_SANDBOX_URL"
}

# small prints the settings of a script that make it quick; what is set stays.
small() {
	case $1 in
	webhook_idempotence) printf '%s\n' "COPIES=${COPIES:-40}" "PAYMENTS=${PAYMENTS:-40}" "GAP_MS=${GAP_MS:-100}" ;;
	webhook_burst) printf '%s\n' "RATE=${RATE:-200}" "DURATION=${DURATION:-4}" ;;
	payments) printf '%s\n' "RATE=${RATE:-4}" "DURATION=${DURATION:-6}" ;;
	gateway_outage) printf '%s\n' "BEFORE=${BEFORE:-2}" "DARK=${DARK:-5}" "AFTER=${AFTER:-9}" ;;
	soak) printf '%s\n' "MINUTES=${MINUTES:-1}" ;;
	esac
}

# counted prints how many payments there are, and how often payment.received was told
# of each: the API does not show events. It needs PostgreSQL's psql.
counted() {
	local psql
	if ! psql=$(command -v psql); then
		printf '         events            not counted apart: there is no psql here\n'
		return
	fi
	"$psql" --no-psqlrc -qtA "$database" <<-'SQL'
		SELECT format('%s  events            %s payments paid, %s holds, %s payment.received, at most %s for a payment',
		       CASE WHEN paid = told AND paid = held AND most <= 1 THEN 'ok     ' ELSE 'BROKEN ' END, paid, held, told, most)
		  FROM (SELECT (SELECT count(*) FROM transactions WHERE ever_paid) AS paid,
		               (SELECT count(*) FROM holds) AS held,
		               (SELECT count(*) FROM outbox WHERE kind = 'payment.received') AS told,
		               (SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM outbox WHERE kind = 'payment.received'
		                 GROUP BY transaction_id) AS each) AS most) AS figures;
	SQL
}

# true_books holds the database against itself: every invariant, then the events.
true_books() {
	local figures
	"$place/cauri" doctor --books --database-url "$database" || return 1
	figures=$(counted) || return 1
	printf '%s\n' "$figures"
	[[ $figures != BROKEN* ]]
}

# fired runs one script and says in its own words how that went.
fired() {
	local script=$1 load=held books=true code=0
	printf '\n== %s\n' "$script"
	local -a less=()
	[[ -z $quick ]] || mapfile -t less < <(small "$script")
	env "${less[@]}" K6_NO_USAGE_REPORT=true K6_WEB_DASHBOARD=true K6_WEB_DASHBOARD_PORT=-1 K6_WEB_DASHBOARD_PERIOD=1s \
		K6_WEB_DASHBOARD_EXPORT="$reports/$script.html" "$k6" run --quiet --address '' "$script.js" </dev/null || code=$?
	((code < 128)) || exit "$code" # somebody wants it to end
	((code == 0)) || load='NOT HELD'
	true_books || books=BROKEN
	outcome+=("$(printf '%-22s thresholds %-9s books %-7s %s' "$script" "$load" "$books" "$reports/$script.html")")
	[[ $load == held && $books == true ]]
}

built
launched
declare -a outcome=()
failed=0
for script in "${scripts[@]}"; do
	fired "$script" || failed=1
done
printf '\n'
printf '%s\n' "${outcome[@]}" | tee "$reports/summary.txt"
((failed)) || verdict=passed
exit "$failed"
