package fedapay

import (
	"encoding/json"
	"strings"
	"time"
)

// payoutShape is a payout in answers and in webhooks, which have the same keys.
type payoutShape struct {
	Klass       string          `json:"klass"`
	ID          uint64          `json:"id"`
	Reference   string          `json:"reference"`
	Amount      int64           `json:"amount"`
	Status      string          `json:"status"`
	CustomerID  uint64          `json:"customer_id"`
	CurrencyID  int             `json:"currency_id"`
	Mode        string          `json:"mode"`
	LastError   text            `json:"last_error_code"`
	LastMessage text            `json:"last_error_message"`
	Commission  text            `json:"commission"`
	Fees        *int64          `json:"fees"`
	Fixed       *int64          `json:"fixed_commission"`
	Transferred *int64          `json:"amount_transferred"`
	Debited     *int64          `json:"amount_debited"`
	CreatedAt   stamp           `json:"created_at"`
	UpdatedAt   stamp           `json:"updated_at"`
	ScheduledAt stamp           `json:"scheduled_at"`
	StartedAt   stamp           `json:"started_at"`
	SentAt      stamp           `json:"sent_at"`
	FailedAt    stamp           `json:"failed_at"`
	DeletedAt   stamp           `json:"deleted_at"`
	Metadata    struct{}        `json:"metadata"`
	Custom      json.RawMessage `json:"custom_metadata"`
	MethodID    any             `json:"payment_method_id"`
	Key         any             `json:"transaction_key"`
	Merchant    text            `json:"merchant_reference"`
	AccountID   int             `json:"account_id"`
	BalanceID   int             `json:"balance_id"`
}

func (s *Server) payoutShapeOf(p *payout) payoutShape {
	gone := !p.SentAt.IsZero()
	shape := payoutShape{
		Klass: "v1/payout", ID: p.ID, Reference: p.Reference, Amount: p.Amount, Status: p.Status, CustomerID: p.Customer,
		CurrencyID: currencyID, Mode: p.Mode, LastError: text(p.Error), Fees: some(gone, p.Fee),
		Transferred: some(gone, p.Amount), Debited: some(gone, p.Amount+p.Fee), CreatedAt: stamp(p.CreatedAt),
		UpdatedAt: stamp(p.UpdatedAt), ScheduledAt: stamp(p.ScheduledAt), StartedAt: stamp(p.StartedAt), SentAt: stamp(p.SentAt),
		FailedAt: stamp(p.FailedAt), Custom: orNull(p.Custom), Merchant: text(p.Merchant), AccountID: accountID,
		BalanceID: balanceID(p.Mode),
	}
	if p.Error != "" {
		shape.LastMessage = "Le versement a échoué"
	}
	return shape
}

func (s *Server) showPayout(key string) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.payouts.Find(key)
		if !found || now.Before(row.HiddenTo) {
			return errNotFound
		}
		return wrapped("v1/payout", s.payoutShapeOf(row))
	})
}

// fetchPayout is GET /v1/payouts/{id}.
func (s *Server) fetchPayout(r *request) answer { return s.showPayout("id:" + r.Domain + ":" + r.Arg) }

// findPayout is GET /v1/payouts/merchant/{merchant_reference}.
func (s *Server) findPayout(r *request) answer { return s.showPayout(merchantKey(r.Domain, r.Arg)) }

// listPayouts is GET /v1/payouts and /v1/payouts/search, newest first.
func (s *Server) listPayouts(r *request) answer {
	wanted := strings.Trim(r.Query.Get("search"), "*")
	return s.read(func(now time.Time) answer {
		return list(r, "v1/payouts", s.payouts.Rows, func(row *payout) bool {
			return row.Domain == r.Domain && !now.Before(row.HiddenTo) &&
				(wanted == "" || strings.Contains(row.Merchant+"\n"+row.Reference+"\n"+row.Text+"\n"+decimal(row.ID), wanted))
		}, s.payoutShapeOf)
	})
}
