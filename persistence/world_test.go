package persistence_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
)

var schema = pgtest.Schema{Name: "cauri", Migrate: func(ctx context.Context, dsn string) error {
	return persistence.Migrate(ctx, dsn, slog.New(slog.DiscardHandler))
}}

// applier is what both writers are: the one-by-one store and whatever commits in
// groups.
type applier interface {
	Apply(ctx context.Context, ask engine.Ask) (engine.Applied, error)
}

// writer makes an applier of a store, for as long as the test lasts.
type writer func(testing.TB, *persistence.Store) applier

func oneByOne(_ testing.TB, s *persistence.Store) applier { return s }

func inRounds(config persistence.CommitterConfig) writer {
	return func(t testing.TB, s *persistence.Store) applier {
		c := persistence.NewCommitter(s, config)
		require.NoError(t, c.Start(t.Context()))
		t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
		return c
	}
}

// world is a store on a database of its own, with a window to look in by.
type world struct {
	*persistence.Store
	writer applier
	kind   writer
	dsn    string
	policy *engine.Policy
	vault  *vault.Vault
	health *atomic.Pointer[engine.Health] // what each of its processes has seen lately
	window *pgxpool.Pool
}

func open(t testing.TB) *world {
	t.Helper()
	return openOn(t, schema, oneByOne)
}

func openOn(t testing.TB, on pgtest.Schema, through writer) *world {
	t.Helper()
	policy := engine.DefaultPolicy()
	policy.Live = map[engine.Gateway]bool{engine.Paystack: true, engine.FedaPay: true}
	policy.WalletCooling = 0 // a test that is about it says so
	w := &world{dsn: pgtest.DSN(t, on), policy: &policy, vault: vault.Development(), health: &atomic.Pointer[engine.Health]{}, kind: through}
	w.health.Store(&engine.Health{})
	w.Store = w.another(t)
	w.writer = through(t, w.Store)
	var err error
	w.window, err = pgxpool.New(t.Context(), w.dsn)
	require.NoError(t, err)
	t.Cleanup(w.window.Close)
	return w
}

// another opens a second store on the same database, as another node would.
func (w *world) another(t testing.TB) *persistence.Store {
	t.Helper()
	return w.through(t, w.dsn)
}

// second is a writer of another process.
func (w *world) second(t testing.TB) applier {
	t.Helper()
	return w.kind(t, w.another(t))
}

// through opens a store by another address of the same database.
func (w *world) through(t testing.TB, dsn string) *persistence.Store {
	t.Helper()
	s, err := persistence.Open(t.Context(), persistence.Config{
		DSN: dsn, Vault: w.vault, Policy: w.policy, Log: slog.New(slog.DiscardHandler), Health: func() engine.Health { return *w.health.Load() },
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// ops is a store as people's commands on the machine open one.
func (w *world) ops(t testing.TB) *persistence.Store {
	t.Helper()
	s, err := persistence.Open(t.Context(), persistence.Config{DSN: w.dsn, Role: persistence.RoleOps, Vault: w.vault, Policy: w.policy})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// Apply goes through the writer under test.
func (w *world) Apply(ctx context.Context, ask engine.Ask) (engine.Applied, error) {
	return w.writer.Apply(ctx, ask)
}

func (w *world) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, w.window.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func (w *world) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	_, err := w.window.Exec(t.Context(), query, args...)
	require.NoError(t, err)
}

func (w *world) sound(t testing.TB) {
	t.Helper()
	found, err := w.CheckInvariants(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
}

func freshID() engine.ID { return engine.ID(uuid.Must(uuid.NewV7())) }

// payers counts the payers of this run, so that each has a phone of their own.
var payers atomic.Int32

func initiation(booking string) engine.InitiateCharge {
	number := phone.MustParse(fmt.Sprintf("05%08d", payers.Add(1)))
	return engine.InitiateCharge{
		Principal: "platform", Booking: booking, Talent: "T1", Amount: 50_000, Currency: money.XOF, Method: engine.MobileMoney,
		Payer: engine.Payer{ID: "payer-1", Operator: phone.MTN, Phone: number, Email: "payer@example.com"},
	}
}

func (w *world) apply(t testing.TB, id engine.ID, cmd engine.Command) engine.Applied {
	t.Helper()
	applied, err := persist(t.Context(), w, engine.Ask{Transaction: id, Command: cmd}) // a busy machine's connections take long to be made
	require.NoError(t, err)
	return applied
}

func charge(id engine.ID) engine.Reference { return chargeNo(id, 1) }

func chargeNo(id engine.ID, no int) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: no}
}

func refund(id engine.ID) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.RefundReference, Number: 1}
}

func payout(id engine.ID, no int) engine.Reference {
	return engine.Reference{Transaction: id, Kind: engine.PayoutReference, Number: no}
}

func succeeded(id engine.ID, amount money.Amount) engine.Notify {
	r := charge(id)
	return engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Kind: "charge.success", Reference: r,
		Identity: engine.NewIdentity(engine.Paystack, "charge.success", r.String(), "success"),
		Charge: &engine.ChargeReport{
			Status: engine.ChargeSucceeded, Amount: amount, Currency: money.XOF, Live: true,
			GatewayReference: "59214", Fee: 975, FeeSubunits: 97_500,
		},
		Delivery: engine.Delivery{Signature: []byte{1, 2, 3}, Body: []byte(`{"event":"charge.success"}`), ReceivedAt: time.Now()},
	}}
}

// captured is what FedaPay tells of a payment's second attempt.
func captured(id engine.ID, no int) engine.Notify {
	r := chargeNo(id, no)
	return engine.Notify{Notification: engine.Notification{
		Gateway: engine.FedaPay, Kind: "transaction.approved", Reference: r,
		Identity: engine.NewIdentity(engine.FedaPay, "transaction.approved", r.String(), "approved"),
		Charge: &engine.ChargeReport{
			Status: engine.ChargeSucceeded, Amount: 50_000, Currency: money.XOF, Live: true, GatewayReference: "102030",
		},
		Delivery: engine.Delivery{Signature: []byte("t=1,s=2"), Body: []byte(`{"name":"transaction.approved"}`), ReceivedAt: time.Now()},
	}}
}

// refunded is what Paystack tells of a refund of the first attempt.
func refunded(id engine.ID, status engine.RefundReportStatus) engine.Notify {
	r := charge(id)
	return engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Kind: "refund", Reference: r,
		Identity: engine.NewIdentity(engine.Paystack, "refund", r.String(), string(status)),
		Refund: &engine.RefundReport{
			Status: status, Amount: 50_000, Currency: money.XOF, Live: true, GatewayReference: "RFD_1", Code: engine.CodeGatewayDeclined, Text: "no",
		},
		Delivery: engine.Delivery{Signature: []byte("refund " + status), Body: []byte(`{"event":"refund.processed"}`), ReceivedAt: time.Now()},
	}}
}

// unsent is the answer of a gateway that was not reached: provably nothing was sent.
func unsent(attempt int) engine.RecordChargeAnswer {
	return engine.RecordChargeAnswer{Attempt: attempt, Err: engine.Errorf(engine.Unavailable, engine.CodeGatewayUnreachable, "")}
}

func transferred(id engine.ID, no int, amount money.Amount, status engine.PayoutReportStatus) engine.Notify {
	r := payout(id, no)
	return engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Kind: "transfer", Reference: r,
		Identity: engine.NewIdentity(engine.Paystack, "transfer", r.String(), string(status)),
		Payout: &engine.PayoutReport{
			Status: status, Amount: amount, Currency: money.XOF, Live: true, GatewayReference: "TRF_1", Fee: 10, FeeSubunits: 1_000,
		},
		Delivery: engine.Delivery{Signature: []byte{9}, Body: []byte(`{"event":"transfer.success"}`), ReceivedAt: time.Now()},
	}}
}

// paid brings a payment to its hold.
func (w *world) paid(t testing.TB, booking string) engine.ID {
	t.Helper()
	id := freshID()
	w.apply(t, id, initiation(booking))
	w.apply(t, id, engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone, Text: "Tapez *133#"}})
	w.apply(t, id, succeeded(id, 50_000))
	return id
}

// persist applies and comes again when told that the database is busy, as a
// gateway does: a row lock waits one second, and fifty wait in line.
func persist(ctx context.Context, s applier, ask engine.Ask) (applied engine.Applied, err error) {
	for range 100 {
		applied, err = s.Apply(ctx, ask)
		if err == nil || engine.CodeOf(err) != engine.CodeOverloaded {
			return applied, err
		}
	}
	return applied, err
}

func key(name string, body byte) *engine.IdempotencyKey {
	return &engine.IdempotencyKey{Principal: "platform", Operation: "initiate", Key: name, Hash: [32]byte{body}}
}
