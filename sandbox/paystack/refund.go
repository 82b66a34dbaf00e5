package paystack

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// createRefund is POST /refund. There is no reference and no idempotency: a
// second full refund is refused, a second partial one goes through.
func (s *Server) createRefund(r *request) answer {
	var body struct {
		Transaction  json.RawMessage `json:"transaction"`
		Amount       json.RawMessage `json:"amount"`
		Currency     string          `json:"currency"`
		CustomerNote string          `json:"customer_note"`
		MerchantNote string          `json:"merchant_note"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		return errBody
	}
	var amount int64
	if len(body.Amount) > 0 && string(body.Amount) != "null" {
		asked, valid := amountOf(body.Amount)
		if !valid || asked < subunits {
			return invalidParams("Invalid Amount Sent")
		}
		amount = asked - asked%subunits
	}
	name := loose(body.Transaction)
	switch {
	case name == "":
		return missingParams("Transaction is required")
	case body.Currency != "" && body.Currency != currency:
		return errCurrency
	}
	return s.update(func(c *change) answer {
		of, found := c.visible(r.domain, name)
		if !found {
			of, found = c.charges.find("id:" + r.domain + ":" + name)
		}
		if !found {
			return unknownTransaction(s.cfg.Guesses.UnknownCode)
		}
		return c.refundOf(of, &refund{
			Domain: r.domain, Charge: of.ID, Reference: of.Reference, Amount: amount,
			CustomerNote: or(body.CustomerNote, "Refund for transaction "+of.Reference),
			MerchantNote: or(body.MerchantNote, "Refund for transaction "+of.Reference+" by "+merchantEmail),
		})
	})
}

// refundOf books a refund that is well formed; amount 0 means all that is left.
// The amount leaves the balance at once, and the fees of the charge stay taken.
func (c *change) refundOf(of *charge, row *refund) answer {
	left := of.Amount - of.Refunded
	row.Amount = or(row.Amount, left)
	switch {
	case of.PaidAt.IsZero():
		return invalidParams("Only a successful transaction can be refunded")
	case left == 0:
		return errReversed
	case row.Amount > left:
		return errRefundAmount
	case c.accounts[row.Domain].Balance() < row.Amount:
		return errBalance
	case len(c.refunds.rows) >= rowsMax:
		return errFull
	}
	row.ID, row.CreatedAt, row.UpdatedAt, row.Status = c.id(), c.now, c.now, pending
	of.Refunded += row.Amount
	first := c.now.Add(c.cfg.Timings.RefundStep)
	row.Steps = []step{
		{At: first, To: processing},
		{At: first.Add(c.cfg.Timings.RefundStep), To: or(refundEnds[of.Outcome], processed)},
	}
	c.move(row.Domain, sandbox.Refund, row.Reference, -row.Amount)
	c.notifyRefund(of, row)
	c.saveCharge(of)
	c.saveRefund(row)
	return ok("Refund has been queued for processing", queuedRefundOf(of, row))
}

// refundEnds are the outcomes whose refund is not processed.
var refundEnds = map[sandbox.Outcome]string{sandbox.RefundFails: failed, sandbox.RefundNeedsAnswer: needsAttention}

func (s *Server) planRefund(row *refund) {
	if len(row.Steps) == 0 || row.Steps[0].At.Equal(row.noted) {
		return
	}
	row.noted = row.Steps[0].At
	id := idKey(row.Domain, row.ID)
	s.agenda.At(row.Steps[0].At, func() {
		s.update(func(c *change) answer {
			row, _ := c.refunds.find(id)
			if moved := c.walk(&row.Steps, func(st step) { c.advanceRefund(row, st) }); moved {
				c.saveRefund(row)
			}
			return answer{}
		})
	})
}

// advanceRefund takes one step. A failed refund is credited back; a processed
// one that was the last of its charge makes that reversed.
func (c *change) advanceRefund(row *refund, st step) {
	if !slices.Contains(refundMoves[row.Status], st.To) {
		return
	}
	of, _ := c.charges.find(idKey(row.Domain, row.Charge))
	row.Status = st.To
	switch st.To {
	case processed:
		row.RefundedAt = c.now
		if of.Refunded == of.Amount && c.allProcessed(of, row) {
			of.Status = reversed
		}
	case failed:
		of.Refunded -= row.Amount
		c.move(row.Domain, sandbox.RefundReturn, row.Reference, row.Amount)
	}
	c.saveCharge(of)
	c.notifyRefund(of, row)
}

// allProcessed reports that no other refund of a charge is still under way.
func (c *change) allProcessed(of *charge, but *refund) bool {
	return !slices.ContainsFunc(c.refunds.rows, func(row *refund) bool {
		return row != but && row.Domain == of.Domain && row.Charge == of.ID && row.Status != processed && row.Status != failed
	})
}

// refundCore is what every shape of a refund has.
type refundCore struct {
	Integration  int    `json:"integration"`
	Deducted     int64  `json:"deducted_amount"`
	Channel      any    `json:"channel"`
	MerchantNote string `json:"merchant_note"`
	CustomerNote string `json:"customer_note"`
	Status       string `json:"status"`
	RefundedBy   string `json:"refunded_by"`
	Expected     stamp  `json:"expected_at"`
	Currency     string `json:"currency"`
	Domain       string `json:"domain"`
	Amount       int64  `json:"amount"`
	ID           uint64 `json:"id"`
}

// A refund is expected within ten days, as in the sample.
const refundExpected = 10 * 24 * time.Hour

func refundCoreOf(row *refund, channel any) refundCore {
	core := refundCore{
		Integration: integrationID, Channel: channel, MerchantNote: row.MerchantNote, CustomerNote: row.CustomerNote,
		Status: row.Status, RefundedBy: merchantEmail, Expected: stamp(row.CreatedAt.Add(refundExpected)),
		Currency: currency, Domain: row.Domain, Amount: row.Amount, ID: row.ID,
	}
	if row.Status == processed {
		core.Deducted = row.Amount
	}
	return core
}

// queuedRefund answers POST /refund: the transaction is an object.
type queuedRefund struct {
	refundCore
	Transaction refundedTransaction `json:"transaction"`
	Fully       bool                `json:"fully_deducted"`
	Created     stamp               `json:"createdAt"`
	Updated     stamp               `json:"updatedAt"`
}

type refundedTransaction struct {
	ID            uint64 `json:"id"`
	Domain        string `json:"domain"`
	Reference     string `json:"reference"`
	Amount        int64  `json:"amount"`
	PaidAt        stamp  `json:"paid_at"`
	Channel       string `json:"channel"`
	Currency      string `json:"currency"`
	Authorization struct {
		ExpMonth any `json:"exp_month"`
		ExpYear  any `json:"exp_year"`
		Name     any `json:"account_name"`
	} `json:"authorization"`
	Customer struct {
		Phone any `json:"international_format_phone"`
	} `json:"customer"`
	Plan       empty `json:"plan"`
	Subaccount struct {
		Currency any `json:"currency"`
	} `json:"subaccount"`
	Split         empty `json:"split"`
	OrderID       any   `json:"order_id"`
	PaidAtTwin    stamp `json:"paidAt"`
	POS           any   `json:"pos_transaction_data"`
	Source        any   `json:"source"`
	FeesBreakdown any   `json:"fees_breakdown"`
}

func queuedRefundOf(of *charge, row *refund) queuedRefund {
	return queuedRefund{
		refundCore: refundCoreOf(row, nil), Created: stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
		Transaction: refundedTransaction{
			ID: of.ID, Domain: of.Domain, Reference: of.Reference, Amount: of.Amount, PaidAt: stamp(of.PaidAt),
			Channel: of.Channel, Currency: currency, PaidAtTwin: stamp(of.PaidAt),
		},
	}
}

// readRefund is what fetched and listed refunds share: the transaction is its
// number.
type readRefund struct {
	refundCore
	Transaction uint64 `json:"transaction"`
	Dispute     any    `json:"dispute"`
	Settlement  any    `json:"settlement"`
	Fully       bool   `json:"fully_deducted"`
	Refunded    stamp  `json:"refunded_at"`
}

// fetchedRefund answers GET /refund/:id, listedRefund GET /refund: the same but
// for the spelling of two keys.
type fetchedRefund struct {
	readRefund
	Created stamp `json:"createdAt"`
	Updated stamp `json:"updatedAt"`
}

type listedRefund struct {
	readRefund
	Created stamp `json:"created_at"`
	Updated stamp `json:"updated_at"`
}

func (s *Server) readRefundOf(row *refund) readRefund {
	of, _ := s.charges.find(idKey(row.Domain, row.Charge))
	return readRefund{
		refundCore: refundCoreOf(row, of.Channel), Transaction: row.Charge,
		Fully: row.Status == processed, Refunded: stamp(row.RefundedAt),
	}
}

// fetchRefund is GET /refund/:id.
func (s *Server) fetchRefund(r *request) answer {
	return s.read(func(time.Time) answer {
		row, found := s.refunds.find("id:" + r.domain + ":" + r.arg)
		if !found {
			return refuse(404, "Refund not found")
		}
		return ok("Refund retrieved", fetchedRefund{
			readRefund: s.readRefundOf(row), Created: stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
		})
	})
}

// listRefunds is GET /refund, newest first. Its sample has no meta.
func (s *Server) listRefunds(r *request) answer {
	return s.read(func(time.Time) answer {
		p, refused := pageOf(r)
		if refused != nil {
			return *refused
		}
		p.cursor = false // cursors are not documented here
		of := r.query.Get("transaction")
		rows, _ := pick(p, s.refunds.rows, func(row *refund) (uint64, time.Time, bool) {
			return row.ID, row.CreatedAt, row.Domain == r.domain && fits(r.query.Get("currency"), currency) &&
				(fits(of, strconv.FormatUint(row.Charge, 10)) || of == row.Reference)
		})
		listed := make([]listedRefund, len(rows))
		for i, row := range rows {
			listed[i] = listedRefund{
				readRefund: s.readRefundOf(row), Created: stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
			}
		}
		return ok("Refunds retrieved", listed)
	})
}
