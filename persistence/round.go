package persistence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/vault"
)

// writeWithin bounds the second half of a round: the server cuts any statement
// at 2 s, so an answer that takes longer than two of them is not coming.
const writeWithin = 2*statementTimeout + time.Second

// errNotCommitted says that the server took a COMMIT for a ROLLBACK.
var errNotCommitted = errors.New("the server rolled back what it was told to commit")

// answer is what one ask of a round came to.
type answer struct {
	applied engine.Applied
	err     error     // a refusal of its own: it fails nobody else
	first   engine.ID // the transaction that answered the ask's key before; zero when none did
}

// doubt is a COMMIT that was sent and not answered.
type doubt struct {
	xid     string    // the database transaction nobody knows the end of
	decided []decided // what stands if it is committed
	cause   error
}

func (d *doubt) Error() string { return "the connection was lost at COMMIT: " + d.cause.Error() }
func (d *doubt) Unwrap() error { return d.cause }

// round decides asks together, at most one for each transaction, in one database
// transaction of two round trips: BEGIN, lock and load; write and COMMIT. Its
// error is the whole round's: nothing is committed. A doubt alone comes with the
// answers, which are true if it turns out to be committed.
func (s *Store) round(ctx context.Context, conn *pgx.Conn, asks []engine.Ask, locks time.Duration) ([]answer, error) {
	health := s.health() // before anything is locked
	wants := wanted(s.vault, asks)
	wants.locks = locks
	state, err := s.load(ctx, conn, wants)
	if err != nil {
		abandon(ctx, conn)
		return nil, err
	}
	answers := make([]answer, len(asks))
	settled := make([]decided, 0, len(asks))
	for i, ask := range asks {
		if d := s.decide(state, health, ask, &answers[i]); answers[i].err == nil && answers[i].first.IsZero() {
			settled = append(settled, d)
			answers[i].applied = applied(&settled[len(settled)-1])
		}
	}
	batch := &pgx.Batch{}
	w, err := write(batch, s.vault, state.now, settled)
	defer w.giveBack()
	if err == nil {
		err = ctx.Err() // who asked has left, and nothing is sent yet
	}
	if err != nil {
		abandon(ctx, conn)
		return nil, err
	}
	writes := batch.Len() > 0
	if err := commit(ctx, conn, batch); err != nil {
		if writes && (isLost(err) || conn.IsClosed()) {
			return answers, &doubt{state.xid, settled, err}
		}
		abandon(ctx, conn)
		return nil, err
	}
	s.replay(ctx, conn, answers)
	return answers, nil
}

// commit sends what is to be written with the COMMIT behind it, and waits for
// the server to say that it is ready again. The caller may leave meanwhile; what
// was decided is not cut short for that, or nobody would know what became of it.
func commit(ctx context.Context, conn *pgx.Conn, batch *pgx.Batch) error {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	batch.Queue("COMMIT").Exec(func(done pgconn.CommandTag) error {
		if done.String() != "COMMIT" {
			return errNotCommitted
		}
		return nil
	})
	return conn.SendBatch(within, batch).Close()
}

// abandon rolls back, so that the connection can be used again. One that can't
// be is closed by the pool, which looks at the state it comes back in.
func abandon(ctx context.Context, conn *pgx.Conn) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	if !conn.IsClosed() && conn.PgConn().TxStatus() != 'I' {
		_, _ = conn.Exec(within, "ROLLBACK")
	}
}

// wanted says what a round must lock and read.
func wanted(v *vault.Vault, asks []engine.Ask) want {
	w := want{lock: true}
	for _, ask := range asks {
		w.ids = append(w.ids, ask.Transaction)
		switch c := ask.Command.(type) {
		case engine.InitiateCharge:
			w.bookings = append(w.bookings, c.Booking)
			w.prompts = append(w.prompts, promptsOf(v, c.Payer, c.Amount)...)
		case engine.Notify:
			w.identities = append(w.identities, string(c.Notification.Identity))
		}
		if ask.Key != nil {
			w.keys = append(w.keys, *ask.Key)
		}
	}
	slices.SortFunc(w.ids, func(a, b engine.ID) int { return bytes.Compare(a[:], b[:]) })
	return w
}

// decide answers one ask from what was loaded: a key seen before is replayed,
// anything else is the engine's to decide.
func (s *Store) decide(state *loaded, health engine.Health, ask engine.Ask, a *answer) decided {
	if ask.Key != nil {
		if seen, before := state.keys[nameOf(*ask.Key)]; before {
			if a.first = seen.transaction; !s.vault.Matches(requestIndex, ask.Key.Hash[:], seen.hash) {
				a.err = errReused()
			}
			return decided{}
		}
	}
	d := decided{ask: ask, before: engine.Transaction{ID: ask.Transaction}}
	switch c := ask.Command.(type) {
	case engine.InitiateCharge:
		d.before.Slot, d.before.SlotPaid = state.slots[c.Booking].owner, state.slots[c.Booking].paid
		d.before.Prompt = state.asks(c.Payer, c.Amount)
	case engine.Notify:
		d.inbox = state.identities[c.Notification.Identity]
	}
	if found := state.found[ask.Transaction]; found != nil {
		d.before = *found
	}
	d.name = s.fresh()
	given := engine.Given{Now: state.now, Fresh: d.name, Policy: s.policy, Health: health}
	d.decision, a.err = decideSafely(d.before, ask.Command, given)
	return d
}

// broken is a bug in one decision: its asker's to break on, and nothing to the others
// of its round.
type broken struct {
	reason any
	stack  []byte
}

func (b *broken) Error() string {
	return fmt.Sprintf("a decision broke off: %v\n%s", b.reason, b.stack)
}

func decideSafely(before engine.Transaction, cmd engine.Command, given engine.Given) (decision engine.Decision, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = &broken{reason, debug.Stack()}
		}
	}()
	return before.Decide(cmd, given)
}

// told ends an Apply: what its asker is told, or the bug that is theirs.
func (s *Store) told(ask engine.Ask, a answer, err error) (engine.Applied, error) {
	if err == nil {
		err = a.err
	}
	s.metrics.applied(ask, a.applied, err)
	var bug *broken
	switch {
	case errors.As(err, &bug):
		panic(bug)
	case err != nil:
		return engine.Applied{}, translate(err)
	}
	return a.applied, nil
}

// replay answers the asks whose key was seen before with the state, as it is
// now, of the transaction that answered it first. It reads after the round's
// end: locking that transaction too would be a lock out of order.
func (s *Store) replay(ctx context.Context, conn *pgx.Conn, answers []answer) {
	var ids []engine.ID
	for _, a := range answers {
		if a.err == nil && !a.first.IsZero() {
			ids = append(ids, a.first)
		}
	}
	if len(ids) == 0 {
		return
	}
	state, err := s.load(ctx, conn, want{ids: ids})
	if err != nil {
		abandon(ctx, conn)
	}
	for i := range answers {
		a := &answers[i]
		switch {
		case a.err != nil || a.first.IsZero():
		case err != nil:
			a.err = translate(err) // the round's others are committed: this is its own
		case state.found[a.first] == nil:
			a.err = engine.Errorf(engine.Internal, engine.CodeInternal, "a key without its transaction")
		default:
			a.applied = engine.Applied{State: *state.found[a.first], Outcome: engine.Replayed}
		}
	}
}

// applied is a decision that is about to be committed, as its asker will be told
// once it is.
func applied(d *decided) engine.Applied {
	out := engine.Applied{
		State: d.decision.Next, Moves: d.decision.Moves, Events: d.decision.Events, Effects: d.decision.Effects,
		Counted: d.decision.Counted, Outcome: engine.Duplicate,
	}
	if d.decision.Changed() {
		out.Outcome = engine.Changed
	}
	return out
}
