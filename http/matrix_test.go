package http_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

// What a route is about: it is somebody's, or nobody's.
type object string

const (
	ofNobody  object = ""
	ofPayment object = "payment" // its platform's, its payer's, its talent's
	ofTalent  object = "talent"
)

// may is the matrix in words: every route of the public listener, what it is about, and
// who may. A route that has no line here fails, and so does a line without a route.
// Written beside the table of routes and not from it: each is the other's check.
var may = map[string]struct {
	about object
	roles string // scope, then roles; "anybody" and "gateway" ask for no principal
}{
	"GET /docs":                                            {ofNobody, "anybody"},
	"GET /docs/errors":                                     {ofNobody, "anybody"},
	"GET /openapi.json":                                    {ofNobody, "anybody"},
	"GET /openapi-3.0.json":                                {ofNobody, "anybody"},
	"GET /return/{payment}":                                {ofNobody, "anybody"},
	"POST /webhooks/{gateway}":                             {ofNobody, "gateway"},
	"POST /v1/payments/initiate":                           {ofNobody, "payments:write payer"},
	"POST /v1/payments/submit_otp":                         {ofPayment, "payments:write payer"},
	"POST /v1/payments/{id}/cancel":                        {ofPayment, "payments:write payer"},
	"POST /v1/payments/{id}/verify":                        {ofPayment, "payments:read support finance"},
	"GET /v1/payments/{id}":                                {ofPayment, "payments:read payer talent support finance"},
	"GET /v1/payments":                                     {ofNobody, "payments:read support finance"},
	"GET /v1/payments/{id}/events":                         {ofPayment, "payments:read payer talent support finance"},
	"GET /v1/payouts":                                      {ofNobody, "payments:read talent support finance"},
	"POST /v1/booking_requests/{booking}/confirm_delivery": {ofPayment, "escrow:write payer"},
	"GET /v1/talents/{talent}/balance":                     {ofTalent, "talents:read talent support finance"},
	"PUT /v1/talents/{talent}/wallet":                      {ofTalent, "talents:write talent"},
	"POST /v1/staff/proposals":                             {ofPayment, "finance"},
	"GET /v1/staff/proposals":                              {ofNobody, "support finance admin"},
	"POST /v1/staff/proposals/{id}/approve":                {ofNobody, "finance"},
	"POST /v1/staff/proposals/{id}/refuse":                 {ofNobody, "finance"},
	"GET /v1/staff/audit":                                  {ofNobody, "finance admin"},
}

// asker is somebody who knocks.
type asker struct {
	with    headers
	subject string      // of a payer
	role    engine.Role // none: nobody we know
	scope   engine.Scope
	foreign map[object]bool // what is not theirs
}

func (e *edge) askers(t *testing.T) map[string]asker {
	t.Helper()
	day := func(k *engine.APIKey) { k.ExpiresAt = time.Now().Add(-time.Minute) }
	revoked := func(k *engine.APIKey) { k.RevokedAt = time.Now() }
	platform := engine.Principal{Role: engine.RolePlatform, Platform: "platform", Scopes: engine.Scopes}
	wrong := e.minted(t, platform)["Authorization"]
	others, none := map[object]bool{ofPayment: true}, map[object]bool{ofPayment: true, ofTalent: true}
	out := map[string]asker{
		"nobody":                      {with: headers{"Authorization": ""}},
		"somebody with a made-up key": {with: bearer("ck_test_stranger")},
		"another scheme":              {with: headers{"Authorization": "Basic cGxhdGZvcm06eA=="}},
		"a right id, another secret":  {with: headers{"Authorization": wrong[:len(wrong)-4] + "AAAA"}},
		"a key that has ended":        {with: e.minted(t, platform, day)},
		"a revoked key":               {with: e.minted(t, platform, revoked)},
		"a token without a signature": {with: bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSJ9.")},
		"the configured key":          {role: engine.RolePlatform, scope: "*"},
		"another platform":            {with: bearer(rivalSecret), role: engine.RolePlatform, scope: "*", foreign: others},
		"the payer":                   {with: tokenOf(t, engine.RolePayer, "usr_1"), subject: "usr_1", role: engine.RolePayer},
		"another payer":               {with: tokenOf(t, engine.RolePayer, "usr_2"), subject: "usr_2", role: engine.RolePayer, foreign: others},
		"the talent":                  {with: tokenOf(t, engine.RoleTalent, "tl_1"), role: engine.RoleTalent},
		"another talent":              {with: tokenOf(t, engine.RoleTalent, "tl_2"), role: engine.RoleTalent, foreign: none},
		"a payer with a talent's id":  {with: tokenOf(t, engine.RolePayer, "tl_1"), subject: "tl_1", role: engine.RolePayer, foreign: others},
	}
	for _, role := range engine.StaffRoles {
		out["staff: "+string(role)] = asker{with: e.minted(t, member("awa-"+string(role), role)), role: role}
	}
	for _, scope := range engine.Scopes {
		p := platform
		p.Scopes = []engine.Scope{scope}
		out["a key for "+string(scope)] = asker{with: e.minted(t, p), role: engine.RolePlatform, scope: scope}
	}
	return out
}

// wants is what a cell must answer: 401 to who is nobody, 403 to who may not, 404 of
// what is not theirs, and anything else once the handler has it.
func wants(row string, c asker) (status int, passes bool) {
	line := may[row]
	words := strings.Fields(line.roles)
	switch {
	case line.roles == "anybody":
		return 200, false
	case line.roles == "gateway" || c.role == "":
		return 401, false
	}
	allowed := slices.Contains(words, string(c.role))
	if c.role == engine.RolePlatform {
		scope := words[0]
		allowed = strings.Contains(scope, ":") && (c.scope == "*" || string(c.scope) == scope)
	}
	switch {
	case !allowed:
		return 403, false
	case c.foreign[line.about]:
		return 404, false
	}
	return 0, true
}

func TestWhoMayUseWhat(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	routes := http.RouterRoutes(e.server)
	rows := map[string]bool{}
	cells := 0
	for _, route := range routes {
		fields := strings.Fields(route)
		row := fields[0] + " " + fields[1]
		rows[row] = true
		require.Contains(t, may, row, "a route nobody has thought about: say who may")
		for name, c := range e.askers(t) {
			cells++
			e.knock(t, row, name, c)
		}
	}
	for row := range may {
		require.True(t, rows[row], "no such route: %s", row)
	}
	fmt.Printf("matrix: %d routes × %d askers = %d cells\n", len(rows), cells/len(rows), cells)
}

// knock sends one request, right in all but who sends it, and holds the answer against
// the matrix.
func (e *edge) knock(t *testing.T, row, name string, c asker) {
	t.Helper()
	with := headers{"Idempotency-Key": "matrix"}
	maps.Copy(with, c.with)
	method, path, body := e.rightly(t, row)
	if c.role == engine.RolePayer && row == "POST /v1/payments/initiate" { // with what their platform would have signed
		with = tokenFor(t, c.subject, fmt.Sprintf("bk_%d-2", e.cells))
		with["Idempotency-Key"] = "matrix"
	}
	a := e.do(t, method, path, body, with)
	status, passes := wants(row, c)
	if passes {
		require.NotContains(t, []int{401, 403, 404, 500}, a.status, "%s by %s: %s", row, name, a.body)
		return
	}
	require.Equal(t, status, a.status, "%s by %s: %s", row, name, a.body)
	if status >= 400 {
		a.problem(t)
	}
}

// rightly makes a request that would be answered, about things of its own.
func (e *edge) rightly(t *testing.T, row string) (method, path, body string) {
	t.Helper()
	e.cells++
	booking := fmt.Sprintf("bk_%d", e.cells)
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{
		"booking_id": booking, "payer_id": "usr_1", "phone": fmt.Sprintf("07%08d", e.cells),
	}), key("cell-"+booking))
	require.Equal(t, 202, a.status, "%s", a.body)
	payment := a.payment(t)
	method, path, _ = strings.Cut(row, " ")
	path = strings.NewReplacer("{id}", payment.ID, "{payment}", payment.ID, "{talent}", "tl_1", "{booking}", booking,
		"{gateway}", "paystack").Replace(path)
	held := func() {
		require.Equal(t, 200, e.deliver(t, successBody(t, strings.TrimPrefix(payment.ID, "pay_")+"-c1", 15000)).status)
	}
	switch row {
	case "POST /v1/payments/initiate":
		body = orangeBody(t, map[string]any{"booking_id": booking + "-2", "phone": fmt.Sprintf("07%08d", 50_000_000+e.cells)})
	case "POST /v1/payments/submit_otp":
		body = `{"payment_id":"` + payment.ID + `","otp":"123456"}`
	case "POST /v1/booking_requests/{booking}/confirm_delivery":
		held()
	case "PUT /v1/talents/{talent}/wallet":
		body = `{"operator":"wave","phone":"0700000056","name":"Awa Koné"}`
	case "GET /v1/payments/{id}/events":
		path += "?last_event_id=none" // refused once it is known whose payment it is: a stream would not end
	case "POST /v1/payments/{id}/verify":
		body = `{"reason":"the payer asks"}`
	case "POST /v1/staff/proposals":
		held()
		body = `{"kind":"release","payment_id":"` + payment.ID + `","reason":"the venue confirmed"}`
	case "POST /v1/staff/proposals/{id}/approve", "POST /v1/staff/proposals/{id}/refuse":
		held()
		_, rest, _ := strings.Cut(path, payment.ID)
		path = "/v1/staff/proposals/" + e.proposed(t, payment.ID).ID + rest
		body = `{"reason":"seen"}`
	}
	return method, path, body
}

// proposed has somebody of finance propose a payment's release.
func (e *edge) proposed(t *testing.T, payment string) http.Proposal {
	t.Helper()
	a := e.do(t, "POST", "/v1/staff/proposals", `{"kind":"release","payment_id":"`+payment+`","reason":"the venue confirmed"}`,
		e.minted(t, member("koffi", engine.RoleFinance)))
	require.Equal(t, 201, a.status, "%s", a.body)
	return read[http.Proposal](t, a)
}
