package fedapay

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/sandbox"
)

// FedaPay refunds from its dashboard alone, and mobile money of MTN alone
// (FedaPay docs, Refunds). What the API tells of it is a status, refunded_at and
// refunds, to be found by asking.

// Why an operator can't refund.
var (
	errNoTransaction = errors.New("no such transaction")
	errNotPaid       = errors.New("only an approved or transferred transaction can be refunded")
	errRefundMode    = errors.New("only MTN mobile money can be refunded")
	errRefundAmount  = errors.New("more than is left of the transaction")
	errRefundFunds   = errors.New("the balance is not enough")
	errRefundFails   = errors.New("the operator could not refund")
)

// Refund does what an operator does in the dashboard, in the domain of the
// first key: it gives back so many francs of a transaction, named by its
// merchant_reference or its id; 0 is all that is left. Fees are not given back.
func (s *Server) Refund(transaction string, amount int64) error {
	return s.refundOf(s.firstDomain(), transaction, amount, "")
}

func (s *Server) refundOf(domain, name string, amount int64, note string) (err error) {
	a := s.update(func(c *change) answer {
		row, found := c.transactions.Find(merchantKey(domain, name))
		if !found {
			row, found = c.transactions.Find("id:" + domain + ":" + name)
		}
		if !found {
			err = errNoTransaction
			return answer{}
		}
		amount = or(amount, row.Net-row.Refunded)
		if err = c.refundable(row, amount); err == nil {
			c.giveBack(row, amount, note)
		}
		return answer{}
	})
	if a.Code != 0 {
		return errors.New("the books can't be written")
	}
	return err
}

func (c *change) refundable(row *transaction, amount int64) error {
	switch {
	case !slices.Contains(transactionMoves[row.Status], refunded):
		return errNotPaid
	case !strings.HasPrefix(row.Mode, "mtn") && row.Mode != momoTest:
		return errRefundMode
	case row.Outcome == sandbox.RefundFails, row.Outcome == sandbox.RefundNeedsAnswer:
		return errRefundFails
	case amount < 1 || amount > row.Net-row.Refunded:
		return errRefundAmount
	case row.pot(c.Server) == row.Mode && c.spendable(row.Domain, row.Mode) < amount:
		return errRefundFunds // what is under way is there by itself
	}
	return nil
}

// pot is where the money of a paid transaction lies.
func (t *transaction) pot(s *Server) string {
	if t.TransferredAt.IsZero() && !s.cfg.Guesses.SettledAtOnce {
		return underWay(t.Mode)
	}
	return t.Mode
}

// giveBack books a refund that can be.
func (c *change) giveBack(row *transaction, amount int64, note string) {
	one := &refund{
		ID: c.id(refundKind), Domain: row.Domain, Transaction: row.ID, Amount: amount, Note: note, CreatedAt: c.now,
	}
	c.refunds.Put(one)
	c.entry.Refunds = append(c.entry.Refunds, one)
	row.Refunded += amount
	row.RefundedAt = c.now
	switch {
	case row.Refunded == row.Net:
		row.Status, row.Steps = refunded, nil
	case row.TransferredAt.IsZero():
		row.Status = approvedPartly
		row.Steps = []step{{At: row.ApprovedAt.Add(c.cfg.Timings.Settle), To: transferredPartly}}
	default:
		row.Status = transferredPartly
	}
	c.move(row.Domain, row.pot(c.Server), sandbox.Refund, row.name(), -amount)
	c.saveTransaction(row)
	if c.cfg.Guesses.MoreEvents {
		c.notifyTransaction(row, transactionRefunded)
	}
}

// serveRefund is POST /sandbox/refund: {"transaction": "…", "amount": 500}.
func (s *Server) serveRefund(ctx *fasthttp.RequestCtx, r *request, domain string) {
	var body struct {
		Transaction json.RawMessage `json:"transaction"`
		Amount      int64           `json:"amount"`
		Note        string          `json:"note"`
	}
	if json.Unmarshal(r.Body, &body) != nil || body.Amount < 0 {
		sandbox.Deny(ctx, fasthttp.StatusBadRequest, "the body is not as documented")
		return
	}
	name := strings.Trim(string(body.Transaction), `"`)
	if err := s.refundOf(domain, name, body.Amount, body.Note); err != nil {
		sandbox.Deny(ctx, fasthttp.StatusBadRequest, err.Error())
		return
	}
	sandbox.Show(ctx, s.BooksOf(domain).Refunds)
}
