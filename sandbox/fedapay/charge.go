package fedapay

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// charge is POST /v1/{mode}: the operator's prompt appears on the payer's phone.
// 200 means that it was asked for, not that money moved.
func (s *Server) charge(r *request) answer {
	if !slices.Contains(s.modes, r.Arg) {
		return errNoPath
	}
	if !slices.Contains(s.cfg.Direct[r.Domain], r.Arg) {
		return errMode
	}
	var body struct {
		Token string       `json:"token"`
		Phone *phoneNumber `json:"phone_number"`
	}
	switch {
	case json.Unmarshal(r.Body, &body) != nil:
		return s.invalid("body", "is invalid")
	case body.Phone != nil && !phoneDigits.MatchString(body.Phone.Number):
		return s.invalid("phone_number", "is invalid")
	case body.Phone != nil && callingCodes[strings.ToLower(body.Phone.Country)] == "":
		return s.invalid("country", "is invalid")
	}
	return s.update(func(c *change) answer {
		row, found := c.transactions.Find("token:" + body.Token)
		if !found || row.Domain != r.Domain {
			return errNotFound
		}
		if body.Phone == nil {
			payer, _ := c.customers.Find(idKey(row.Domain, row.Customer))
			body.Phone = &phoneNumber{payer.Phone, payer.Country}
		}
		switch {
		case body.Phone.Number == "":
			return s.invalid("phone_number", "field required")
		case !c.payable(row, c.now):
			return errState
		case row.Prompted: // asked again while the payer looks at the phone: the same prompt
			return intent(row)
		}
		return c.prompt(row, r.Arg, *body.Phone)
	})
}

// intent answers a direct charge: no id, no amount.
func intent(row *transaction) answer {
	return wrapped("v1/payment_intent", struct {
		Reference string `json:"reference"`
		Status    string `json:"status"`
	}{row.Reference, row.Status})
}

// prompt asks the payer; the number chooses what comes of it.
func (c *change) prompt(row *transaction, mode string, phone phoneNumber) answer {
	outcome := c.outcomeOf(mode, phone)
	if outcome == sandbox.AnswersOpenURL {
		return errMode // this payer is to be sent to the page
	}
	row.Outcome, row.Mode, row.Phone, row.Country = outcome, mode, phone.digits(), strings.ToLower(phone.Country)
	row.Status, row.Prompted = pending, true
	if outcome == sandbox.NotFoundAtFirst {
		row.HiddenTo = c.now.Add(c.cfg.Timings.Hidden)
	}
	row.Steps = append(c.courseOf(row, c.now), c.expiry(row))
	c.walk(&row.Steps, func(st step) { c.advance(row, st) })
	c.saveTransaction(row)
	return intent(row)
}

// officialNumbers are FedaPay's own in its simulator: two that pay and two that
// don't. Anything but ten national digits is declined there.
var officialNumbers = map[string]sandbox.Outcome{
	"0166000001": sandbox.Succeeds,
	"0164000001": sandbox.Succeeds,
	"0166000000": sandbox.PayerRefuses,
	"0164000000": sandbox.PayerRefuses,
}

func (s *Server) outcomeOf(mode string, phone phoneNumber) sandbox.Outcome {
	g := s.cfg.Guesses
	outcome, official := officialNumbers[phone.Number]
	switch {
	case mode != momoTest && (g.PhoneForm == National && !phone.national() || g.PhoneForm == International && phone.national()):
		return sandbox.PayerRefuses
	case mode != momoTest:
		return sandbox.OutcomeOf(phone.Number)
	case official:
		return outcome
	case g.TestNumbersOnly || !phone.national():
		return sandbox.PayerRefuses
	default:
		return sandbox.OutcomeOf(phone.Number)
	}
}

// The one error code that was ever seen of a transaction. It says nothing: a
// transaction that was paid had it too.
const apiError = "API_ERROR"

// refusalsOf are the outcomes that are not paid: canceled is what FedaPay calls
// a lack of funds or a payment problem, declined a payer who refuses or breaks
// off (FedaPay support, payment statuses).
var refusalsOf = map[sandbox.Outcome]string{
	sandbox.NoFunds:            canceled,
	sandbox.OperatorDown:       canceled,
	sandbox.AbandonedPaidLater: canceled,
	sandbox.DownPaidLater:      canceled,
	sandbox.WrongPIN:           declined,
	sandbox.PayerRefuses:       declined,
	sandbox.EndsAsTimeout:      declined,
	sandbox.FailedPaidLater:    declined,
}

// courseOf is what will happen to a prompt by itself.
func (s *Server) courseOf(row *transaction, from time.Time) []step {
	t := s.cfg.Timings
	ends := from.Add(t.Approve)
	switch row.Outcome {
	case sandbox.NeverApproves:
		return nil
	case sandbox.ApprovesSlowly:
		ends = from.Add(t.ApproveSlow)
	case sandbox.EndsAsTimeout, sandbox.AbandonedPaidLater:
		ends = from.Add(t.Window)
	case sandbox.SucceedsAtOnce:
		ends = from
	default:
		if s.cfg.Guesses.DirectAtOnce {
			ends = from
		}
	}
	refusal, refused := refusalsOf[row.Outcome]
	if !refused {
		return []step{{At: ends, To: approved}}
	}
	course := []step{{At: ends, To: refusal, Error: apiError}}
	if row.Outcome.PaidLate() {
		course = append(course, step{At: from.Add(t.LateSuccess), To: approved})
	}
	return course
}

// advance takes one step, if the transaction's status allows it.
func (c *change) advance(row *transaction, st step) {
	if !slices.Contains(transactionMoves[row.Status], st.To) {
		return
	}
	row.Prompted = false
	switch st.To {
	case approved:
		c.capture(row, or(row.Mode, c.hostedModes(row.Domain)[0]))
		return
	case transferred, transferredPartly:
		c.settle(row, st.To)
		return
	case declined:
		row.DeclinedAt = c.now
	case canceled:
		row.CanceledAt = c.now
	case expired:
		if row.Status != pending && !c.cfg.Guesses.DeclinedExpires {
			return // its link is over all the same
		}
		row.ExpiredAt = c.now
	}
	row.Status, row.Error, row.UpdatedAt = st.To, or(st.Error, row.Error), c.now
	if st.To != expired || c.cfg.Guesses.MoreEvents {
		c.notifyTransaction(row, "transaction."+st.To)
	}
}

// capture takes the payer's money: status, account and webhook in one change.
// It is the only place that does, and only once for a transaction.
func (c *change) capture(row *transaction, mode string) {
	payer, _ := c.customers.Find(idKey(row.Domain, row.Customer))
	row.Fees, row.Debited, row.Net = c.feesOf(row.Amount)
	row.Status, row.Mode, row.ApprovedAt, row.UpdatedAt, row.Prompted = approved, mode, c.now, c.now, false
	if row.Phone == "" && payer.Phone != "" { // paid on the page, where we ask for no number
		row.Phone, row.Country = phoneNumber{payer.Phone, payer.Country}.digits(), payer.Country
	}
	row.Method, row.PaidBy = c.id(methodKind), &paidCustomer{payer.First, payer.Last, text(payer.Email)}
	row.Steps = []step{{At: c.now.Add(c.cfg.Timings.Settle), To: transferred}}
	pot := underWay(mode)
	if c.cfg.Guesses.SettledAtOnce {
		pot = mode
	}
	c.move(row.Domain, pot, sandbox.Capture, row.name(), row.Debited)
	c.move(row.Domain, pot, sandbox.CaptureFee, row.name(), -row.Fees)
	c.notifyTransaction(row, transactionApproved)
}

// settle hands the merchant what was approved, less what was given back.
func (c *change) settle(row *transaction, status string) {
	row.Status, row.TransferredAt, row.UpdatedAt = status, c.now, c.now
	if !c.cfg.Guesses.SettledAtOnce {
		left := row.Net - row.Refunded
		c.move(row.Domain, underWay(row.Mode), sandbox.Settlement, row.name(), -left)
		c.move(row.Domain, row.Mode, sandbox.Settlement, row.name(), left)
	}
	c.notifyTransaction(row, transactionTransferred)
}
