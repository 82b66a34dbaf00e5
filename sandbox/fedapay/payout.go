package fedapay

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// createPayout is POST /v1/payouts: an intention. Nothing moves before it is
// started.
func (s *Server) createPayout(r *request) answer {
	var body struct {
		transactionBody
		Mode string `json:"mode"`
	}
	modes := s.payoutModes(r.Domain)
	switch {
	case len(modes) == 0:
		return notAllowed(s.cfg.Guesses.NoPayoutsCode)
	case json.Unmarshal(r.Body, &body) != nil:
		return s.invalid("body", "is invalid")
	case body.Mode == "":
		return errNoMode
	case !slices.Contains(modes, body.Mode):
		return errMode
	}
	amount, err := strconv.ParseInt(string(body.Amount), 10, 64)
	field := ""
	switch {
	case !jsonInteger.Match(body.Amount) || err != nil || amount < 1 || amount > s.cfg.Guesses.PayoutMax:
		field = "amount"
	case !body.Currency.ours():
		field = "currency"
	case body.Customer == nil:
		field = "customer"
	}
	if field != "" {
		return s.invalid(field, "is invalid")
	}
	if refused := s.checkTransaction(body.transactionBody); refused != nil {
		return *refused
	}
	return s.update(func(c *change) answer {
		row := &payout{
			Domain: r.Domain, Merchant: body.Merchant, Amount: amount, Mode: body.Mode, Text: body.Description,
			Custom: bytes.Clone(body.Custom), Status: pending, Fee: s.payoutFee(amount),
		}
		if refused := c.admitPayout(row, body.Customer); refused != nil {
			return *refused
		}
		c.savePayout(row)
		if c.cfg.Guesses.MoreEvents {
			c.notifyPayout(row, payoutCreated)
		}
		a := wrapped("v1/payout", s.payoutShapeOf(row))
		a.Code = s.cfg.Guesses.CreatedCode
		return a
	})
}

// admitPayout gives a new payout its place in the books, or refuses it.
func (c *change) admitPayout(row *payout, payee *customerBody) *answer {
	if _, used := c.payouts.Find(merchantKey(row.Domain, row.Merchant)); used {
		a := c.duplicate()
		return &a
	}
	if len(c.payouts.Rows) >= rowsMax {
		return &errFull
	}
	if payee.Phone != nil && sandbox.OutcomeOf(payee.Phone.Number) == sandbox.TransferRefused {
		a := c.invalid("phone_number", "is not registered with the operator")
		return &a
	}
	to, refused := c.customerFor(row.Domain, payee)
	if refused != nil {
		return refused
	}
	row.ID, row.CreatedAt, row.Customer = c.id(payoutKind), c.now, to.ID
	row.Reference = decimal(firstPayoutReference + row.ID)
	if to.Phone != "" {
		row.address(phoneNumber{to.Phone, to.Country})
	}
	if row.Outcome == sandbox.NotFoundAtFirst {
		row.HiddenTo = c.now.Add(c.cfg.Timings.Hidden)
	}
	return nil
}

// FedaPay's name of a payout is thirteen digits.
const firstPayoutReference = 1_540_308_000_000

// address says which wallet a payout goes to, and with it how it ends.
func (p *payout) address(phone phoneNumber) {
	p.Phone = phone.digits()
	p.Outcome = sandbox.OutcomeOf(p.Phone)
}

// payoutFee is what FedaPay takes on top of a payout: the tiers seen in Togo.
func (s *Server) payoutFee(amount int64) int64 {
	flat := s.cfg.Guesses.PayoutFee
	switch {
	case flat != 0:
		return max(0, flat)
	case amount <= 10_000:
		return 150
	case amount <= 50_000:
		return 300
	case amount <= 150_000:
		return 800
	default:
		return 2_000
	}
}

// starting is one payout of PUT /v1/payouts/start.
type starting struct {
	ID          json.Number  `json:"id"`
	ScheduledAt string       `json:"scheduled_at"`
	Phone       *phoneNumber `json:"phone_number"`
}

// startPayouts is PUT /v1/payouts/start: money leaves. All of them or none.
func (s *Server) startPayouts(r *request) answer {
	var body struct {
		Payouts []starting `json:"payouts"`
	}
	switch {
	case len(s.payoutModes(r.Domain)) == 0:
		return notAllowed(s.cfg.Guesses.NoPayoutsCode)
	case json.Unmarshal(r.Body, &body) != nil || len(body.Payouts) == 0 || len(body.Payouts) > perPageMax:
		return s.invalid("payouts", "is invalid")
	}
	return s.update(func(c *change) answer {
		rows, refused := c.startable(r.Domain, body.Payouts)
		if refused != nil {
			return *refused
		}
		shapes := make([]payoutShape, len(rows))
		for i, row := range rows {
			if one := body.Payouts[i]; one.Phone != nil {
				row.address(*one.Phone)
			}
			at, _ := scheduledAt(body.Payouts[i].ScheduledAt)
			row.ScheduledAt = at
			row.Steps = []step{{At: at, To: started}}
			c.walk(&row.Steps, func(st step) { c.advancePayout(row, st) })
			c.savePayout(row)
			shapes[i] = s.payoutShapeOf(row)
		}
		return wrapped("v1/payouts", shapes)
	})
}

// scheduledAt reads "2026-11-23 18:30:22", in UTC; nothing is now.
func scheduledAt(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	at, err := time.Parse(time.DateTime, s)
	return at, err == nil
}

// startable finds the payouts of a start and says whether all can be started:
// each once, to a number that has not had too many, out of what there is.
func (c *change) startable(domain string, asked []starting) ([]*payout, *answer) {
	no := func(a answer) ([]*payout, *answer) { return nil, &a }
	rows := make([]*payout, len(asked))
	drawn, numbers := map[string]int64{}, map[string]int{}
	for i, one := range asked {
		row, found := c.payouts.Find("id:" + domain + ":" + one.ID.String())
		_, scheduled := scheduledAt(one.ScheduledAt)
		switch {
		case !found:
			return no(errNotFound)
		case row.Status != pending || len(row.Steps) > 0 || slices.Contains(rows, row):
			return no(errState)
		case !scheduled:
			return no(c.invalid("scheduled_at", "is invalid"))
		case one.Phone != nil && (!phoneDigits.MatchString(one.Phone.Number) || callingCodes[strings.ToLower(one.Phone.Country)] == ""):
			return no(c.invalid("phone_number", "is invalid"))
		case one.Phone == nil && row.Phone == "":
			return no(c.invalid("phone_number", "field required"))
		}
		to := row.Phone
		if one.Phone != nil {
			to = one.Phone.digits()
		}
		pot := row.Mode
		if c.cfg.Guesses.OneBalance {
			pot = "all"
		}
		rows[i] = row
		drawn[pot] += row.Amount + row.Fee
		numbers[to]++
		limit := c.cfg.Guesses.PayoutsPerNumber
		switch {
		case limit > 0 && c.startsTo(domain, to)+numbers[to] > limit:
			return no(c.invalid("phone_number", "has had too many payouts today"))
		case c.spendable(domain, row.Mode) < drawn[pot]:
			return no(errBalance)
		}
	}
	return rows, nil
}

// startsTo counts the payouts to a number in the last 24 hours, and forgets
// those before.
func (c *change) startsTo(domain, number string) int {
	key := domain + ":" + number
	c.starts[key] = slices.DeleteFunc(c.starts[key], func(at time.Time) bool { return c.now.Sub(at) >= 24*time.Hour })
	return len(c.starts[key])
}

func (s *Server) countStart(row *payout) {
	key := row.Domain + ":" + row.Phone
	s.starts[key] = append(s.starts[key], row.StartedAt)
}

func (s *Server) planPayout(row *payout) {
	if len(row.Steps) == 0 || row.Steps[0].At.Equal(row.noted) {
		return
	}
	row.noted = row.Steps[0].At
	id := idKey(row.Domain, row.ID)
	s.agenda.At(row.Steps[0].At, func() {
		s.update(func(c *change) answer {
			row, _ := c.payouts.Find(id)
			if c.walk(&row.Steps, func(st step) { c.advancePayout(row, st) }) {
				c.savePayout(row)
			}
			return answer{}
		})
	})
}

// The one error code that is known of a payout.
const invalidNumber = "invalid_number"

// payoutCourse is what will happen to a started payout by itself. FedaPay has no
// reversal: wallets that reverse fail. Those that are rejected or blocked fail
// without a webhook.
func (s *Server) payoutCourse(row *payout, from time.Time) []step {
	t := s.cfg.Timings
	taken, ends := step{At: from.Add(t.PayoutTaken), To: processing}, from.Add(t.PayoutSent)
	switch row.Outcome {
	case sandbox.TransferFails, sandbox.TransferReversed, sandbox.TransferReversesOut:
		return []step{taken, {At: ends, To: failed, Error: invalidNumber}}
	case sandbox.TransferRejected, sandbox.TransferBlocked:
		return []step{taken, {At: ends, To: failed, Error: invalidNumber, Quiet: true}}
	case sandbox.TransferWantsOTP:
		return []step{{At: from.Add(t.PayoutOver), To: canceled}}
	case sandbox.TransferPendsLong:
		return []step{taken, {At: from.Add(t.PayoutLong), To: sent}}
	case sandbox.TransferAtOnce:
		return []step{{At: from, To: sent}}
	default:
		return []step{taken, {At: ends, To: sent}}
	}
}

// advancePayout takes one step. Amount and fee leave the balance when it is
// started; what does not reach the wallet comes back, the fee too.
func (c *change) advancePayout(row *payout, st step) {
	if !slices.Contains(payoutMoves[row.Status], st.To) {
		return
	}
	if st.To == started && c.spendable(row.Domain, row.Mode) < row.Amount+row.Fee {
		// Scheduled while there was enough, due when there is not.
		row.Status = started
		st = step{To: failed, Error: "insufficient_balance"}
	} else if st.To == started {
		c.move(row.Domain, row.Mode, sandbox.Transfer, row.name(), -row.Amount)
		c.move(row.Domain, row.Mode, sandbox.TransferFee, row.name(), -row.Fee)
		row.StartedAt = c.now
		c.countStart(row)
		row.Steps = c.payoutCourse(row, c.now)
	}
	row.Status, row.Error, row.UpdatedAt = st.To, st.Error, c.now
	switch st.To {
	case sent:
		row.SentAt = c.now
	case failed:
		row.FailedAt = c.now
	}
	if (st.To == failed || st.To == canceled) && !row.StartedAt.IsZero() {
		c.move(row.Domain, row.Mode, sandbox.TransferReturn, row.name(), row.Amount)
		c.move(row.Domain, row.Mode, sandbox.TransferFeeReturn, row.name(), row.Fee)
	}
	told := st.To == sent || st.To == failed || c.cfg.Guesses.MoreEvents && st.To != processing
	if told && !st.Quiet {
		c.notifyPayout(row, "payout."+st.To)
	}
}

func (c *change) notifyPayout(row *payout, name string) {
	shape := c.payoutShapeOf(row)
	c.notify(notice{
		domain: row.Domain, name: name, object: "payout", id: row.ID, reference: row.name(), outcome: row.Outcome,
		plain: shape, full: shape,
	})
}
