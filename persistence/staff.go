package persistence

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bookmi/cauri/engine"
)

// Who works for us, what one proposes and another approves, and what all of them did.

// act is one of staff's, to be written in the commit of what it does.
type act struct {
	engine.Act
	payment       engine.ID
	subject       string
	before, after []byte // JSON
}

// actOn says what an act changes of a payment.
func actOn(a engine.Act, before, after engine.Transaction) act {
	return act{Act: a, payment: after.ID, before: shown(before), after: shown(after)}
}

// shown is what of a payment an act may change, for the audit: statuses, no person.
func shown(t engine.Transaction) []byte {
	out := map[string]any{"version": t.Version, "status": t.Status, "review": t.Review}
	if t.Hold != nil {
		out["hold"] = t.Hold.Status
	}
	if p := t.Payout; p != nil {
		out["payout"], out["waiting"] = p.Status, p.Waiting
		if len(p.Tries) > 0 {
			out["try"] = p.Tries[len(p.Tries)-1].Status
		}
	}
	refunds := make([]engine.RefundStatus, 0, len(t.Refunds))
	for _, r := range t.Refunds {
		refunds = append(refunds, r.Status)
	}
	if len(refunds) > 0 {
		out["refunds"] = refunds
	}
	return brief(out)
}

func brief(facts map[string]any) []byte {
	out, err := json.Marshal(facts)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return out
}

// approve rules on the proposal the act is done under, if it is done under one.
func (a act) approve(batch *pgx.Batch) {
	if !a.Proposal.IsZero() {
		batch.Queue(sql("Approve"), [16]byte(a.Proposal), a.Who)
	}
}

func (a act) write(batch *pgx.Batch) {
	batch.Queue(sql("WriteAudit"), [16]byte(a.ID), orNull(a.payment), orNull(a.Proposal), string(a.Kind), a.Who, string(a.Role), a.Address,
		a.subject, a.Reason, a.before, a.after)
}

func orNull(id engine.ID) *[16]byte {
	if id.IsZero() {
		return nil
	}
	out := [16]byte(id)
	return &out
}

// refusals are what the schema says of staff, by the constraint that says it.
var refusals = map[string]*engine.Error{
	"maker_is_not_checker": engine.Errorf(engine.Forbidden, engine.CodeSamePerson,
		"who proposes does not approve: another member of finance does"),
	"a_proposal_is_ruled_on_once": engine.Errorf(engine.Conflict, engine.CodeProposalOver,
		"it was ruled on before, or is more than a day old"),
	"finance_moves_money":         engine.Errorf(engine.Forbidden, engine.CodeNotAllowed, "only finance moves money"),
	"approvals_stay_within_a_day": engine.Errorf(engine.Conflict, engine.CodeDailyLimit, "it is more than you may approve in a day"),
	"acts_have_two_persons":       engine.Errorf(engine.Conflict, engine.CodeProposalOver, "it is not approved for this"),
	"staff_pkey":                  engine.Errorf(engine.Conflict, engine.CodeNothingToDo, "this name is taken"),
	"api_keys_staff_fkey":         engine.Errorf(engine.NotFound, engine.CodeStaffUnknown, "nobody of that name works for us"),
	"proposals_maker_fkey":        engine.Errorf(engine.Forbidden, engine.CodeNotAllowed, "only finance moves money"),
	"proposals_checker_fkey":      engine.Errorf(engine.Forbidden, engine.CodeNotAllowed, "only finance moves money"),
}

func staffRefusal(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return nil
	}
	if refusal, known := refusals[pg.ConstraintName]; known {
		return refusal
	}
	return nil
}

// acted does a few statements of staff's in one commit with what is written down of
// them, and says how many rows they concerned. None is answered with absent, when there
// is one, and nothing is written.
func (s *Store) acted(ctx context.Context, a act, absent *engine.Error, query string, args ...any) (int64, error) {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return 0, translate(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to do after a commit
	done, err := tx.Exec(ctx, sql(query), args...)
	if err == nil && done.RowsAffected() == 0 && absent != nil {
		return 0, absent
	}
	if err == nil {
		batch := &pgx.Batch{}
		a.write(batch)
		err = tx.SendBatch(ctx, batch).Close()
	}
	if err == nil {
		err = s.end(ctx, tx)
	}
	return done.RowsAffected(), translate(err)
}

// end makes what staff did stand; of a rehearsal nothing does.
func (s *Store) end(ctx context.Context, tx pgx.Tx) error {
	if s.rehearses {
		return tx.Rollback(ctx)
	}
	return tx.Commit(ctx)
}

// AddStaff takes somebody on. A name that was ever used is Conflict: the audit would
// mix two persons up.
func (s *Store) AddStaff(ctx context.Context, person engine.Staff, by engine.Act) error {
	a := act{Act: by, subject: person.Name, after: brief(map[string]any{"role": person.Role, "daily_limit": person.DailyLimit})}
	_, err := s.acted(ctx, a, nil, "AddStaff", person.Name, string(person.Role), person.DailyLimit)
	return err
}

// ChangeStaff gives somebody another role or limit. NotFound when nobody of that name
// works for us.
func (s *Store) ChangeStaff(ctx context.Context, person engine.Staff, by engine.Act) error {
	a := act{Act: by, subject: person.Name, after: brief(map[string]any{"role": person.Role, "daily_limit": person.DailyLimit})}
	_, err := s.acted(ctx, a, staffUnknown(), "ChangeStaff", person.Name, string(person.Role), person.DailyLimit)
	return err
}

// EndStaff ends somebody's work for us, and their keys with it.
func (s *Store) EndStaff(ctx context.Context, name string, by engine.Act) error {
	_, err := s.acted(ctx, act{Act: by, subject: name}, staffUnknown(), "EndStaff", name)
	return err
}

func staffUnknown() *engine.Error {
	return engine.Errorf(engine.NotFound, engine.CodeStaffUnknown, "nobody of that name works for us")
}

// Staff lists everybody who works or worked for us.
func (s *Store) Staff(ctx context.Context) ([]engine.Staff, error) {
	rows, err := s.pool.Query(ctx, sql("ListStaff"))
	if err != nil {
		return nil, translate(err)
	}
	people, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.Staff, error) {
		var p engine.Staff
		var ended *time.Time
		err := row.Scan(&p.Name, &p.Role, &p.DailyLimit, &p.AddedAt, &ended)
		p.AddedAt, p.EndedAt = p.AddedAt.UTC(), stored(ended)
		return p, err
	})
	return people, translate(err)
}

// Propose writes down what one member of staff asks another to approve. The proposal
// has its id, kind, subject, maker and reason; when it ends is the database's to say. The
// same proposed again by the same person, while it waits, is that proposal.
func (s *Store) Propose(ctx context.Context, p engine.Proposal, by engine.Act) (engine.Proposal, error) {
	var w engine.Wallet
	if p.Wallet != nil {
		w = *p.Wallet
	}
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return engine.Proposal{}, translate(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()         // nothing to do after a commit
	if _, err := tx.Exec(ctx, sql("LockProposals"), p.Maker); err != nil { // two at once are one after the other
		return engine.Proposal{}, translate(err)
	}
	waiting, err := s.proposals(ctx, tx, nil, proposalsMax)
	if err != nil {
		return engine.Proposal{}, err
	}
	if i := slices.IndexFunc(waiting, p.Same); i >= 0 {
		return waiting[i], nil
	}
	err = tx.QueryRow(ctx, sql("AddProposal"), [16]byte(p.ID), string(p.Kind), orNull(p.Payment), p.Talent, p.Number, string(p.Review),
		string(p.Through), string(w.Operator), sealPhone(s.vault, proposalPlace(p.ID), w.Phone), w.Name,
		p.Amount, p.Maker, p.Reason, engine.ProposalLasts).
		Scan(&p.MadeAt, &p.EndsAt)
	if err == nil {
		batch := &pgx.Batch{}
		a := act{Act: by, payment: p.Payment, subject: p.Talent, after: brief(map[string]any{"proposal": p.Kind, "amount": p.Amount})}
		a.Proposal = p.ID
		a.write(batch)
		err = tx.SendBatch(ctx, batch).Close()
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	p.MadeAt, p.EndsAt = p.MadeAt.UTC(), p.EndsAt.UTC()
	return p, translate(err)
}

// proposalsMax is more than wait for a second person in a day.
const proposalsMax = 1000

// Refuse rules against a proposal; its maker may do so too. NotFound when there is none.
func (s *Store) Refuse(ctx context.Context, id engine.ID, by engine.Act) error {
	a := act{Act: by}
	a.Proposal = id
	_, err := s.acted(ctx, a, proposalUnknown(), "Refuse", [16]byte(id), by.Who)
	return err
}

func proposalUnknown() *engine.Error {
	return engine.Errorf(engine.NotFound, engine.CodeProposalUnknown, "there is no such proposal")
}

// Proposal finds one, whatever became of it. NotFound when there is none.
func (s *Store) Proposal(ctx context.Context, id engine.ID) (engine.Proposal, error) {
	found, err := s.proposals(ctx, s.pool, orNull(id), 1)
	if err == nil && len(found) == 0 {
		err = proposalUnknown()
	}
	if err != nil {
		return engine.Proposal{}, err
	}
	return found[0], nil
}

// Proposals lists those that wait for a second person, oldest first.
func (s *Store) Proposals(ctx context.Context, most int) ([]engine.Proposal, error) {
	return s.proposals(ctx, s.pool, nil, most)
}

// rower is a pool, or a transaction of it.
type rower interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Store) proposals(ctx context.Context, on rower, id *[16]byte, most int) ([]engine.Proposal, error) {
	rows, err := on.Query(ctx, sql("Proposals"), id, most)
	if err != nil {
		return nil, translate(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.Proposal, error) {
		var p engine.Proposal
		var id [16]byte
		var payment *[16]byte
		var w engine.Wallet
		var sealed []byte
		var checkedAt *time.Time
		err := row.Scan(&id, &p.Kind, &payment, &p.Talent, &p.Number, &p.Review, &p.Through, &w.Operator, &sealed, &w.Name, &p.Amount,
			&p.Maker, &p.Reason, &p.MadeAt, &p.EndsAt, &p.Checker, &checkedAt, &p.Verdict)
		if err != nil {
			return p, err
		}
		p.ID, p.MadeAt, p.EndsAt, p.CheckedAt = id, p.MadeAt.UTC(), p.EndsAt.UTC(), stored(checkedAt)
		if payment != nil {
			p.Payment = *payment
		}
		if p.Kind == engine.ActWallet {
			w.Phone, err = openPhone(s.vault, proposalPlace(p.ID), sealed)
			p.Wallet = &w
		}
		return p, err
	})
	return found, translate(err)
}

// WriteDown keeps what a person did beside a payment's own life: to a breaker, to the
// inbox, to a key.
func (s *Store) WriteDown(ctx context.Context, by engine.Act, subject string) error {
	batch := &pgx.Batch{}
	act{Act: by, subject: subject}.write(batch)
	return translate(s.pool.SendBatch(ctx, batch).Close())
}

// Audit tells what was done, the latest first: to one payment, or in all; before is
// the last record of the page before, or zero.
func (s *Store) Audit(ctx context.Context, payment, before engine.ID, most int) ([]engine.AuditRecord, error) {
	rows, err := s.pool.Query(ctx, sql("ReadAudit"), orNull(payment), orNull(before), most)
	if err != nil {
		return nil, translate(err)
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.AuditRecord, error) {
		var r engine.AuditRecord
		var id [16]byte
		var payment, proposal *[16]byte
		err := row.Scan(&id, &payment, &proposal, &r.At, &r.Kind, &r.Who, &r.Role, &r.Address, &r.Subject, &r.Reason, &r.Before, &r.After)
		if r.ID = id; payment != nil {
			r.Payment = *payment
		}
		if proposal != nil {
			r.Proposal = *proposal
		}
		r.At = r.At.UTC()
		return r, err
	})
	return records, translate(err)
}
