package persistence

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// RefundWaiting is a refund that does not come to an end without people: it is
// theirs to make at the gateway, or the gateway wants something from them.
type RefundWaiting struct {
	Payment         string              `json:"payment_id"`
	Reference       string              `json:"reference"` // 01jd…-r1
	Charge          string              `json:"charge"`    // 01jd…-c1: what is given back
	Gateway         engine.Gateway      `json:"gateway"`
	ChargeAtGateway string              `json:"charge_at_gateway,omitempty"` // the gateway's names: what its dashboard is searched by
	RefundAtGateway string              `json:"refund_at_gateway,omitempty"`
	Booking         string              `json:"booking_id"`
	Amount          money.Amount        `json:"amount"` // francs, all of it
	Currency        money.Currency      `json:"currency"`
	Status          engine.RefundStatus `json:"status"`
	Code            engine.Code         `json:"code"`
	Said            string              `json:"said,omitempty"` // the gateway's words
	OwedAt          time.Time           `json:"owed_at"`
}

// refundsHeldUp is why a refund may stand still at its gateway until people have
// looked.
var refundsHeldUp = []string{string(engine.CodeRefundAttention), string(engine.CodeRefundMismatch), string(engine.CodeRefundReturned)}

// RefundsWaiting lists up to limit of them, the longest owed first.
func (s *Store) RefundsWaiting(ctx context.Context, limit int) ([]RefundWaiting, error) {
	rows, err := s.pool.Query(ctx, sql("RefundsWaiting"), limit, engine.RefundSendsMax, refundsHeldUp)
	if err != nil {
		return nil, translate(err)
	}
	waiting, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (RefundWaiting, error) {
		var r RefundWaiting
		var id [16]byte
		err := row.Scan(&id, &r.Reference, &r.Charge, &r.Gateway, &r.ChargeAtGateway, &r.RefundAtGateway, &r.Booking, &r.Amount, &r.Currency,
			&r.Status, &r.Code, &r.Said, &r.OwedAt)
		r.Payment, r.OwedAt = engine.ID(id).Payment(), r.OwedAt.UTC()
		return r, err
	})
	return waiting, translate(err)
}
