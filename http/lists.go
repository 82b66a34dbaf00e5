package http

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// Listed is what every list is asked with. It is exported because Huma reads exported
// embedded fields only.
type Listed struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"25" doc:"At most so many. A page may be shorter, even empty, while there is a next: no page looks at more than 5,000 for those that are meant." example:"25"`
	Cursor string `query:"cursor" maxLength:"64" doc:"Where to go on: next, as given with the page before, or the id of the last one you have." example:"AZq-w8hRf-NPVgbVG5qUqQ"`
	Format string `query:"format" enum:"json,csv" doc:"csv, or Accept: text/csv, sends the whole of it as a table: at most 100,000 lines, the limit not counting; go on with the last id as cursor."`

	asked url.Values
	path  string
	csv   bool
}

// Resolve is Huma's: what is not a parameter's own.
func (l *Listed) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	asked, err := url.ParseQuery(u.RawQuery)
	l.asked, l.path, l.csv = asked, u.Path, wantsCSV(l.Format, ctx.Header(fasthttp.HeaderAccept))
	var wrong []error
	if err != nil { // what can't be read would be passed over, and everything found
		wrong = append(wrong, &huma.ErrorDetail{Location: "query", Message: unknownParameter})
	}
	for name, values := range asked {
		switch {
		case len(values) > 1: // the second is not less meant than the first
			wrong = append(wrong, &huma.ErrorDetail{Location: "query." + name, Message: "expected to be given once"})
		case strings.TrimSpace(values[0]) == "" && name != "cursor": // whose value was lost must not find everything
			wrong = append(wrong, &huma.ErrorDetail{Location: "query." + name, Message: "expected a value; leave it out to ask for all"})
		}
	}
	return wrong
}

var _ huma.Resolver = (*Listed)(nil)

// wantsCSV reports that a table is preferred: asked for by name, or named before any
// other kind that we have.
func wantsCSV(format, accept string) bool {
	if format != "" {
		return format == "csv"
	}
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "text/csv":
			return true
		case "application/json", "*/*", "application/*":
			return false
		}
	}
	return false
}

// before reads the cursor.
func (l *Listed) before() (engine.ID, error) {
	for _, prefix := range []string{engine.PaymentPrefix, engine.PayoutPrefix} {
		if id, err := engine.ParsePublicID(prefix, l.Cursor); err == nil {
			return id, nil
		}
	}
	var id engine.ID
	raw, err := base64.RawURLEncoding.Strict().DecodeString(l.Cursor)
	if l.Cursor != "" && (err != nil || len(raw) != len(id) || engine.ID(raw).IsZero()) {
		return id, engine.Errorf(engine.Invalid, codeFieldMalformed, "next as given with a page, or an id of the list").At("query.cursor")
	}
	copy(id[:], raw)
	return id, nil
}

// after is where the page after this one begins, as a cursor and as RFC 8288's header.
func (l *Listed) after(next engine.ID) (cursor, link string) {
	if next.IsZero() {
		return "", ""
	}
	cursor = base64.RawURLEncoding.EncodeToString(next[:])
	l.asked.Set("cursor", cursor)
	return cursor, "<" + l.path + "?" + l.asked.Encode() + `>; rel="next"`
}

type paymentsInput struct {
	Listed
	Query       string   `query:"query" maxLength:"64" doc:"Any name of it: an id (pay_, pyt_, rfd_), our reference or the gateway's own, the booking, or the payer's phone in any spelling." example:"01kapw8c2vf8xtr0q6ynd9b5mh-c1"`
	Status      []string `query:"status" enum:"initiated,processing,succeeded,failed,expired,cancelled" doc:"One of these, with commas between." example:"failed,expired"`
	Operator    string   `query:"operator" enum:"orange,mtn,wave,moov" example:"orange"`
	Gateway     string   `query:"gateway" enum:"paystack,fedapay" doc:"That was asked for it, whether or not it took the money." example:"paystack"`
	TalentID    string   `query:"talent_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"tl_77"`
	BookingID   string   `query:"booking_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"bk_1042"`
	From        string   `query:"from" maxLength:"40" doc:"Begun at or after: a day (of Abidjan, which is UTC's) or a time, RFC 3339." example:"2026-01-01"`
	To          string   `query:"to" maxLength:"40" doc:"Begun before: a day or a time, RFC 3339." example:"2026-02-01"`
	Hold        string   `query:"hold" enum:"held,released" doc:"Where its money stands." example:"held"`
	InSuspense  bool     `query:"in_suspense" doc:"true: only those of which money that is not the price was taken, for staff to place." example:"true"`
	UnderReview bool     `query:"under_review" doc:"true: only those whose money stands still until staff have looked." example:"true"`
}

// PaymentList is a page of payments.
type PaymentList struct {
	Payments []Payment `json:"payments" doc:"The latest begun first, without their timelines."`
	Next     string    `json:"next,omitempty" doc:"Pass it as cursor to go on; absent at the end." example:"AZq-w8hRf-NPVgbVG5qUqQ"`
}

type paymentsOutput struct {
	Link string `header:"Link" doc:"The next page's address, rel=next."`
	Body PaymentList
}

// listPayments lists the caller's payments, as a page or as a table.
func (s *Server) listPayments(ctx context.Context, c *call, in *paymentsInput) (*paymentsOutput, error) {
	q, err := in.search(c)
	if err != nil {
		return nil, err
	}
	out := &paymentsOutput{Body: PaymentList{Payments: []Payment{}}}
	if in.csv {
		return out, s.export(c, "payments", paymentColumns, q.Before, func(ctx context.Context, before engine.ID) (engine.Page, error) {
			q.Before, q.Limit = before, exportPage
			return s.ports.Reports.Payments(ctx, q)
		}, paymentCells)
	}
	page, err := s.ports.Reports.Payments(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, t := range page.Transactions {
		out.Body.Payments = append(out.Body.Payments, s.paymentFor(c, engine.Statement{Transaction: t}))
	}
	out.Body.Next, out.Link = in.after(page.Next)
	return out, nil
}

// search reads what the schema can't, and collects all that is wrong with it.
func (in *paymentsInput) search(c *call) (engine.Search, error) {
	q := engine.Search{
		Owner: c.principal.Owner(), Name: strings.TrimSpace(in.Query), Operator: phone.Operator(in.Operator),
		Gateway: engine.Gateway(in.Gateway), Talent: in.TalentID, Booking: in.BookingID, UnderReview: in.UnderReview, InSuspense: in.InSuspense,
		Hold: engine.HoldStatus(in.Hold), Limit: in.Limit,
	}
	for _, status := range in.Status {
		q.Statuses = append(q.Statuses, engine.ChargeStatus(status))
	}
	var wrong faults
	note := func(err error) {
		if e, is := err.(*engine.Error); is { //nolint:errorlint // made here, not wrapped
			wrong = append(wrong, e)
		}
	}
	var err error
	q.Before, err = in.before()
	note(err)
	var times faults
	if q.From, q.To, err = between(in.From, in.To); errors.As(err, &times) {
		wrong = append(wrong, times...)
	}
	if len(wrong) > 0 {
		return q, wrong
	}
	return q, nil
}

// between reads from when to when, and returns faults: all that is wrong with them.
func between(begin, end string) (from, to time.Time, err error) {
	var wrong faults
	for _, one := range []struct {
		given, field string
		at           *time.Time
	}{{begin, "query.from", &from}, {end, "query.to", &to}} {
		var fault *engine.Error
		if *one.at, err = dayOrTime(one.given, one.field); errors.As(err, &fault) {
			wrong = append(wrong, fault)
		}
	}
	if len(wrong) == 0 && !from.IsZero() && !to.IsZero() && !from.Before(to) {
		wrong = append(wrong, engine.Errorf(engine.Invalid, codeFieldMalformed, "to is after from").At("query.to"))
	}
	if len(wrong) > 0 {
		return from, to, wrong
	}
	return from, to, nil
}

// dayOrTime reads 2026-01-31, which is its beginning, or RFC 3339.
func dayOrTime(given, field string) (time.Time, error) {
	if given == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, given); err == nil {
		return day, nil
	}
	at, err := time.Parse(time.RFC3339, given)
	if err != nil {
		return at, engine.Errorf(engine.Invalid, codeFieldMalformed, "2026-01-31, or RFC 3339: 2026-01-31T20:00:00Z").At(field)
	}
	return at.UTC(), nil
}

type payoutsInput struct {
	Listed
	Status   []string `query:"status" enum:"due,sent,paid,failed,reversed" doc:"One of these, with commas between." example:"failed,reversed"`
	Waiting  string   `query:"waiting" enum:"wallet_missing,wallet_rejected,operator_unavailable,wallet_cooling,retry,gateway_unclear" doc:"What it waits for." example:"wallet_missing"`
	TalentID string   `query:"talent_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"tl_77"`
	Booking  string   `query:"booking_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"bk_1042"`
	Gateway  string   `query:"gateway" enum:"paystack,fedapay" doc:"That pays it." example:"paystack"`
	From     string   `query:"from" maxLength:"40" doc:"Owed at or after: a day (of Abidjan, which is UTC's) or a time, RFC 3339." example:"2026-01-01"`
	To       string   `query:"to" maxLength:"40" doc:"Owed before: a day or a time, RFC 3339." example:"2026-02-01"`
}

// PayoutItem is a payout with what it is for.
type PayoutItem struct {
	Payout
	PaymentID string `json:"payment_id" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	TalentID  string `json:"talent_id" example:"tl_77"`
	BookingID string `json:"booking_id" example:"bk_1042"`
	Currency  string `json:"currency" example:"XOF"`
}

// PayoutList is a page of payouts.
type PayoutList struct {
	Payouts []PayoutItem `json:"payouts" doc:"Those of the payments begun last first."`
	Next    string       `json:"next,omitempty" doc:"Pass it as cursor to go on; absent at the end." example:"AZq-w8hRf-NPVgbVG5qUqQ"`
}

type payoutsOutput struct {
	Link string `header:"Link" doc:"The next page's address, rel=next."`
	Body PayoutList
}

// listPayouts lists the payouts of the caller's payments, as a page or as a table.
func (s *Server) listPayouts(ctx context.Context, c *call, in *payoutsInput) (*payoutsOutput, error) {
	before, err := in.before()
	if err != nil {
		return nil, err
	}
	q := engine.PayoutSearch{
		Owner: c.principal.Owner(), Waiting: engine.Waiting(in.Waiting), Talent: in.TalentID, Booking: in.Booking,
		Gateway: engine.Gateway(in.Gateway), Before: before, Limit: in.Limit,
	}
	if q.From, q.To, err = between(in.From, in.To); err != nil {
		return nil, err
	}
	for _, status := range in.Status {
		q.Statuses = append(q.Statuses, engine.PayoutStatus(status))
	}
	out := &payoutsOutput{Body: PayoutList{Payouts: []PayoutItem{}}}
	if in.csv {
		return out, s.export(c, "payouts", payoutColumns, before, func(ctx context.Context, before engine.ID) (engine.Page, error) {
			q.Before, q.Limit = before, exportPage
			return s.ports.Reports.Payouts(ctx, q)
		}, payoutCells)
	}
	page, err := s.ports.Reports.Payouts(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, t := range page.Transactions {
		if p := payoutOf(t); p != nil {
			out.Body.Payouts = append(out.Body.Payouts, PayoutItem{
				Payout: *p, PaymentID: t.ID.Payment(), TalentID: t.Talent, BookingID: t.Booking, Currency: string(t.Currency),
			})
		}
	}
	out.Body.Next, out.Link = in.after(page.Next)
	return out, nil
}

// listed is a row for a list: described, and what Huma does not see of it.
func listed[I, O any](s *Server, handler func(context.Context, *call, *I) (*O, error), op huma.Operation) func(*route) {
	mount := described(s, handler, op)
	return func(r *route) {
		mount(r)
		ok := s.api.OpenAPI().Paths[r.path].Get.Responses[strconv.Itoa(fasthttp.StatusOK)]
		ok.Description = "A page; or the whole as a table (RFC 4180): amounts in whole francs, phones masked, and a ' before what a " +
			"spreadsheet would take for a formula."
		ok.Content[csvType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
}
