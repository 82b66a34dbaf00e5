package http_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/http"
)

func (a answerOf) list(t *testing.T) http.PaymentList {
	t.Helper()
	var l http.PaymentList
	require.Equal(t, 200, a.status, "%s", a.body)
	require.NoError(t, json.Unmarshal(a.body, &l), "%s", a.body)
	return l
}

func TestAListIsWalkedByItsLinks(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	var begun []string
	for n := range 5 {
		begun = append([]string{e.initiated(t, fmt.Sprintf("bk_%d", n)).ID}, begun...)
	}
	theirs := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"booking_id": "bk_9"}), key("k"),
		headers{"Authorization": "Bearer " + rivalSecret}).payment(t)
	var seen []string
	path := "/v1/payments?limit=2&status=processing,initiated"
	for path != "" {
		a := e.do(t, "GET", path, "")
		l := a.list(t)
		for _, p := range l.Payments {
			seen = append(seen, p.ID)
			require.Empty(t, p.Timeline)
			require.Equal(t, "+225 07****01", p.Phone)
		}
		link, found := strings.CutSuffix(strings.TrimPrefix(a.header("Link"), "<"), `>; rel="next"`)
		require.Equal(t, found, l.Next != "")
		if path = ""; found {
			path = link
			u, err := url.Parse(link)
			require.NoError(t, err)
			require.Equal(t, []string{l.Next, "processing,initiated"}, []string{u.Query().Get("cursor"), u.Query().Get("status")})
		}
	}
	require.Equal(t, begun, seen)
	require.NotContains(t, seen, theirs.ID)
	after := e.do(t, "GET", "/v1/payments?cursor="+begun[3], "").list(t)
	require.Len(t, after.Payments, 1, "an id of the list is a cursor, too")
	none := e.do(t, "GET", "/v1/payments?booking_id=bk_9", "")
	require.Equal(t, "{\"payments\":[]}\n", string(none.body), "what is another's is not there")
}

func TestAListAsksForWhatWasMeant(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.do(t, "GET", "/v1/payments?query=07+00+00+00+42&status=failed,expired&operator=mtn&gateway=fedapay&talent_id=tl_1&booking_id=bk_1"+
		"&from=2026-01-01&to=2026-01-31T20:00:00%2B01:00&under_review=true&in_suspense=true&hold=held&limit=7", "").list(t)
	e.do(t, "GET", "/v1/payments", "").list(t)
	require.Equal(t, []engine.Search{
		{
			Owner: engine.Owner{Principal: "platform"}, Name: "07 00 00 00 42", Operator: phone.MTN, Gateway: engine.FedaPay,
			Statuses: []engine.ChargeStatus{engine.ChargeIsFailed, engine.ChargeIsExpired}, Talent: "tl_1", Booking: "bk_1",
			From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 31, 19, 0, 0, 0, time.UTC), UnderReview: true,
			InSuspense: true, Hold: engine.HoldHeld, Limit: 7,
		},
		{Owner: engine.Owner{Principal: "platform"}, Limit: 25},
	}, e.searches)
	require.NotContains(t, e.log.String(), "07+00", "a query is not logged")
}

func TestAListThatCantBeReadIsRefused(t *testing.T) {
	t.Parallel()
	e := start(t)
	for query, field := range map[string]string{
		"booking_id=": "query.booking_id", "query=%20": "query.query", "status=": "query.status", "operator=": "query.operator",
		"st%zzatus=failed": "query", "a;b=1": "query", "cursor=AAAAAAAAAAAAAAAAAAAAAA": "query.cursor",
		"from=2026-02-01&to=2026-01-01": "query.to",
		"limit=0":                       "query.limit", "limit=101": "query.limit", "limit=x": "query.limit", "status=lost": "query.status[0]",
		"status=failed&status=expired": "query.status", "operator=x": "query.operator", "gateway=x": "query.gateway",
		"talent_id=a%20b": "query.talent_id", "from=x": "query.from", "to=2026-13-01": "query.to", "cursor=x": "query.cursor",
		"cursor=rfd_01kapw8c2vf8xtr0q6ynd9b5mh": "query.cursor", "cursor=AAAA": "query.cursor",
		"under_review=x": "query.under_review", "format=xml": "query.format", "stauts=failed": "query",
		"query=" + strings.Repeat("x", 65): "query.query",
	} {
		a := e.do(t, "GET", "/v1/payments?"+query, "")
		require.Equal(t, 422, a.status, "%s: %s", query, a.body)
		require.Equal(t, field, a.problem(t).Errors[0].Field, query)
		require.NotContains(t, string(a.body), "stauts", "nothing that was sent is repeated")
	}
	require.Equal(t, 422, e.do(t, "GET", "/v1/payouts?waiting=godot", "").status)
	require.Equal(t, 422, e.do(t, "GET", "/v1/payouts?cursor=x", "").status)
	require.Equal(t, 422, e.do(t, "GET", "/v1/payouts?operator=orange", "").status)
	require.Equal(t, 422, e.do(t, "GET", "/v1/payouts?from=2026-02-01&to=2026-01-01", "").status)
}

func TestPayoutsSayWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	e := start(t)
	p := e.held(t, "bk_1")
	e.held(t, "bk_2")
	require.Equal(t, 200, e.do(t, "POST", "/v1/booking_requests/bk_1/confirm_delivery", "", key("k")).status)
	var l http.PayoutList
	a := e.do(t, "GET", "/v1/payouts?waiting=wallet_missing", "")
	require.NoError(t, json.Unmarshal(a.body, &l), "%s", a.body)
	require.Len(t, l.Payouts, 1)
	require.Equal(t, p.ID, l.Payouts[0].PaymentID)
	require.Equal(t, engine.WaitingWalletMissing, l.Payouts[0].Waiting)
	theirs := e.do(t, "GET", "/v1/payouts", "", headers{"Authorization": "Bearer " + rivalSecret})
	require.Equal(t, "{\"payouts\":[]}\n", string(theirs.body))
	table := e.do(t, "GET", "/v1/payouts?format=csv", "")
	rows := rowsOf(t, table.body)
	require.Len(t, rows, 2)
	require.Equal(t, []string{l.Payouts[0].ID, p.ID, "bk_1", "tl_1", "due", "wallet_missing"}, rows[1][:6])
}

func rowsOf(t *testing.T, body []byte) [][]string {
	t.Helper()
	require.Equal(t, strings.Count(string(body), "\n"), strings.Count(string(body), "\r\n"), "RFC 4180")
	rows, err := csv.NewReader(strings.NewReader(string(body))).ReadAll() // which wants them all of one length
	require.NoError(t, err)
	return rows
}

func TestAListIsATableToWhoeverWantsOne(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.held(t, "bk_1")
	e.initiated(t, "-23")
	for name, a := range map[string]answerOf{
		"by its kind": e.do(t, "GET", "/v1/payments", "", headers{"Accept": "text/csv, */*;q=0.1"}),
		"by name":     e.do(t, "GET", "/v1/payments?format=csv", ""),
	} {
		require.Equal(t, 200, a.status, "%s: %s", name, a.body)
		require.Equal(t, "text/csv; charset=utf-8; header=present", a.header("Content-Type"))
		require.Equal(t, `attachment; filename="payments.csv"`, a.header("Content-Disposition"))
		rows := rowsOf(t, a.body)
		require.Len(t, rows, 3)
		require.Equal(t, "id", rows[0][0])
		column := map[string]int{}
		for i, name := range rows[0] {
			column[name] = i
		}
		require.Equal(t, "'-23", rows[1][column["booking_id"]], "a spreadsheet would reckon")
		require.Equal(t, "'+225 07****01", rows[1][column["phone"]], "masked")
		require.Equal(t, p.ID, rows[2][column["id"]])
		require.Equal(t, "15000", rows[2][column["amount"]])
		require.Equal(t, []string{"held", "2250", "12750", "", ""}, rows[2][column["hold_status"]:])
	}
	for _, accept := range []string{"application/json, text/csv", "*/*", ""} {
		require.Equal(t, "application/json", e.do(t, "GET", "/v1/payments", "", headers{"Accept": accept}).header("Content-Type"))
	}
	require.Equal(t, "application/json", e.do(t, "GET", "/v1/payments?format=json", "", headers{"Accept": "text/csv"}).header("Content-Type"))
	require.Equal(t, 422, e.do(t, "GET", "/v1/payments?format=csv&from=x", "").problem(t).Status)
	narrow := rowsOf(t, e.do(t, "GET", "/v1/payments?format=csv&booking_id=bk_1&limit=1", "").body)
	require.Len(t, narrow, 2)
}

// A table is read in pages while it is sent, and one that can't be finished must not
// look as if it were.
func TestATableThatBreaksOffIsNotWhole(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	e.multiply(t, idOf(t, p), 1_200) // three pages
	get := func() ([]byte, error) {
		return io.ReadAll(e.listen(t, "/v1/payments?format=csv").body)
	}
	whole, err := get()
	require.NoError(t, err)
	require.Len(t, rowsOf(t, whole), 1+1_200)
	e.breakAfter(len(e.searches) + 2)
	part, err := get()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotEmpty(t, part)
	e.breakAfter(0)
	_, err = get()
	require.NoError(t, err, "the broken one gave its place back")
}

func TestATalentsPayoutsAreTheirOwn(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.held(t, "bk_1")
	require.Equal(t, 200, e.do(t, "POST", "/v1/booking_requests/bk_1/confirm_delivery", "", key("c")).status)
	for talent, want := range map[string]int{p.TalentID: 1, "tl_other": 0} {
		l := read[http.PayoutList](t, e.do(t, "GET", "/v1/payouts", "", tokenOf(t, engine.RoleTalent, talent)))
		require.Len(t, l.Payouts, want, talent)
	}
}

// Tables have four places, and only who may have one takes any.
func TestAPlaceForATableIsTakenByThoseWhoGetOne(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	http.FillExports(e.server)
	require.Equal(t, 503, e.do(t, "GET", "/v1/payments?format=csv", "").status)
	require.Equal(t, 401, e.do(t, "GET", "/v1/payments?format=csv", "", stranger).status, "who is nobody takes none")
	require.Equal(t, 200, e.do(t, "GET", "/v1/payments", "").status)
	require.Equal(t, 200, e.do(t, "GET", "/v1/payments/"+p.ID, "", headers{"Accept": "text/csv"}).status, "what has no table needs none")
}
