package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
)

// Rival stores a charge.success in another way than the engine does. It stands where
// the actors stand, behind the same edge. Close it.
type Rival interface {
	Ask(ctx context.Context, ask engine.Ask) (engine.Applied, error)
	Shared() (rounds, asks int) // commits shared by several, and what they held
	Close()
}

// Connections of each design's own pool: the best of those measured on two cores.
const (
	naiveConnections  = 16
	singleConnections = 32
	rawConnections    = 2
)

// OpenRival opens the rival of that design on a migrated database.
func OpenRival(ctx context.Context, design Design, dsn string, terms Terms) (Rival, error) {
	connections := map[Design]int32{Naive: naiveConnections, Single: singleConnections, Raw: rawConnections}[design]
	if design == Door {
		return door{}, nil
	}
	if connections == 0 {
		return nil, fmt.Errorf("%q is no rival", design)
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.MaxConns = connections
	config.ConnConfig.RuntimeParams["enable_seqscan"] = "off" // as the engine's own rounds have it
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	switch design {
	case Naive:
		return &naive{pool, terms}, nil
	case Single:
		return &single{pool, terms}, nil
	default:
		return openRaw(pool, terms), nil
	}
}

// Terms are what the engine's policy would have made of a hold.
type Terms struct {
	Policy *engine.Policy
}

// facts is a charge.success as a rival sees it.
type facts struct {
	id          [16]byte
	body        string // of our names for it: 26 characters
	reference   string
	identity    string
	amount      int64
	fee         int64
	feeSubunits int64
	theirs      string
	signature   []byte
	raw         []byte
	name        [16]byte // the decision's
	event       engine.ID
	commission  int64
	hours       int
}

// errForeign says that the benchmark sent what its rivals don't know.
var errForeign = errors.New("a rival is told of successful charges only")

func (t Terms) facts(ask engine.Ask) (facts, error) {
	notify, told := ask.Command.(engine.Notify)
	if !told || notify.Notification.Charge == nil || notify.Notification.Charge.Status != engine.ChargeSucceeded {
		return facts{}, errForeign
	}
	n := notify.Notification
	name := engine.ID(uuid.Must(uuid.NewV7()))
	commission, _, err := money.Split(n.Charge.Amount, t.Policy.Commission)
	if err != nil {
		return facts{}, err
	}
	return facts{
		id: ask.Transaction, body: ask.Transaction.String(), reference: n.Reference.String(), identity: string(n.Identity),
		amount: int64(n.Charge.Amount), fee: int64(n.Charge.Fee), feeSubunits: n.Charge.FeeSubunits, theirs: n.Charge.GatewayReference,
		signature: n.Delivery.Signature, raw: n.Delivery.Body, name: name, event: name.Nth(1),
		commission: int64(commission), hours: t.Policy.AutoReleaseHours,
	}, nil
}

// payload is the outbox row's, in the words of the engine's own.
func (f facts) payload(booking, talent string, at time.Time) (string, error) {
	text, err := json.Marshal(struct {
		ID        string    `json:"id"`
		Type      string    `json:"type"`
		Payment   string    `json:"payment_id"`
		Seq       int       `json:"seq"`
		At        time.Time `json:"occurred_at"`
		Booking   string    `json:"booking_id"`
		Talent    string    `json:"talent_id"`
		Amount    int64     `json:"amount"`
		Currency  string    `json:"currency"`
		Reference string    `json:"reference"`
	}{f.event.Event(), "payment.received", engine.PaymentPrefix + f.body, 1, at.UTC(), booking, talent, f.amount, "XOF", f.reference})
	return string(text), err
}

func changed() engine.Applied   { return engine.Applied{Outcome: engine.Changed} }
func duplicate() engine.Applied { return engine.Applied{Outcome: engine.Duplicate} }

// door answers at once: what is left is the edge.
type door struct{}

func (door) Ask(context.Context, engine.Ask) (engine.Applied, error) { return duplicate(), nil }
func (door) Shared() (rounds, asks int)                              { return 0, 0 }
func (door) Close()                                                  {}
