package persistence

import (
	"bytes"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// answer is what one ask of a round came to.
type answer struct {
	applied engine.Applied
	err     error // a refusal of its own: it fails nobody else
}

// round decides asks together, at most one for each transaction, in one database
// transaction of two round trips: lock and load; write and COMMIT. Its error is
// the whole round's: nothing is committed, or (a connection lost at COMMIT)
// nobody knows.
func (s *Store) round(ctx context.Context, conn *pgx.Conn, asks []engine.Ask) ([]answer, error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	// After a COMMIT this does nothing; before one it must not be cut short by the
	// caller's leaving, or the connection goes back with an open transaction.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	state, err := load(ctx, tx, wanted(asks))
	if err != nil {
		return nil, err
	}
	answers := make([]answer, len(asks))
	var settled []decided
	for i, ask := range asks {
		var d decided
		d, answers[i].err = s.decide(ctx, tx, state, ask, &answers[i].applied)
		if answers[i].err == nil && answers[i].applied.Outcome != engine.Replayed {
			answers[i].applied = applied(d)
			settled = append(settled, d)
		}
	}
	batch := &pgx.Batch{}
	if err := write(batch, state.now, settled); err != nil {
		return nil, err
	}
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return nil, err
		}
	}
	return answers, tx.Commit(ctx)
}

// wanted says what a round must lock and read.
func wanted(asks []engine.Ask) want {
	w := want{lock: true}
	for _, ask := range asks {
		w.ids = append(w.ids, ask.Transaction)
		if c, initiates := ask.Command.(engine.InitiateCharge); initiates {
			w.bookings = append(w.bookings, c.Booking)
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
func (s *Store) decide(ctx context.Context, tx pgx.Tx, state *loaded, ask engine.Ask, replay *engine.Applied) (decided, error) {
	if ask.Key != nil {
		if seen, before := state.keys[nameOf(*ask.Key)]; before {
			if !bytes.Equal(seen.hash, ask.Key.Hash[:]) {
				return decided{}, errReused()
			}
			first, err := s.replayed(ctx, tx, state, seen.transaction)
			*replay = engine.Applied{State: first, Outcome: engine.Replayed}
			return decided{}, err
		}
	}
	t := engine.Transaction{ID: ask.Transaction}
	if found := state.found[ask.Transaction]; found != nil {
		t = *found
	} else if c, initiates := ask.Command.(engine.InitiateCharge); initiates {
		t.Slot = state.slots[c.Booking]
	}
	decision, err := t.Decide(ask.Command, engine.Given{Now: state.now, Fresh: s.fresh(), Policy: s.policy})
	return decided{ask, t, decision}, err
}

// replayed is the state of the transaction that answered the key first.
func (s *Store) replayed(ctx context.Context, tx pgx.Tx, state *loaded, id engine.ID) (engine.Transaction, error) {
	if found := state.found[id]; found != nil {
		return *found, nil
	}
	first, err := load(ctx, tx, want{ids: []engine.ID{id}})
	if err != nil {
		return engine.Transaction{}, err
	}
	if found := first.found[id]; found != nil {
		return *found, nil
	}
	return engine.Transaction{}, engine.Errorf(engine.Internal, engine.CodeInternal, "a key without its transaction")
}

// applied is a decision that is about to be committed, as its asker will be told
// once it is.
func applied(d decided) engine.Applied {
	out := engine.Applied{
		State: d.decision.Next, Events: d.decision.Events, Effects: d.decision.Effects, Counted: d.decision.Counted, Outcome: engine.Duplicate,
	}
	if d.decision.Changed() {
		out.Outcome = engine.Changed
	}
	return out
}
