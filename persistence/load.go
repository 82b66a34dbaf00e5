package persistence

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/vault"
)

// querier is a connection or a database transaction.
type querier interface {
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// want says what to load, and what beside it.
type want struct {
	ids        []engine.ID
	bookings   []string                // slots to read beside those of the transactions
	prompts    []prompt                // to read beside theirs
	keys       []engine.IdempotencyKey // answers given before
	identities []string                // notifications that may count already
	timeline   bool                    // the transactions' history too
	lock       bool                    // to decide: a database transaction is left open that holds the rows
	locks      time.Duration           // how long each lock is waited for; 0: as the connection says
}

// loaded is what one round trip brought back.
type loaded struct {
	vault    *vault.Vault
	now      time.Time // the database's clock, read under the locks
	xid      string    // the database transaction's number
	found    map[engine.ID]*engine.Transaction
	slots    map[string]slot
	prompts  map[prompt]engine.ID // who is asking
	keys     map[keyName]keyRow
	timeline []engine.Moment

	identities map[engine.Identity]string // what is in the inbox already, and how it stands there
}

// slot is a booking's: the transaction that owns it, and whether it was paid.
type slot struct {
	owner engine.ID
	paid  bool
}

// load reads transactions with all that belongs to them, in one round trip and
// a fixed number of statements. To decide, the locks come first: what is read
// after them is what the last writer committed, and the database transaction
// stays open. Otherwise all is read from one snapshot: rows of two moments would
// make a state that never was.
func (s *Store) load(ctx context.Context, q querier, w want) (*loaded, error) {
	l := &loaded{
		vault: s.vault,
		found: make(map[engine.ID]*engine.Transaction, len(w.ids)), slots: map[string]slot{}, prompts: map[prompt]engine.ID{},
		keys: map[keyName]keyRow{}, identities: map[engine.Identity]string{},
	}
	batch := &pgx.Batch{}
	if w.lock {
		l.queueLocked(batch, w)
	} else {
		l.queueSnapshot(batch, w)
	}
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	if rest := l.rest(); w.lock && rest.Len() > 0 {
		if err := q.SendBatch(ctx, rest).Close(); err != nil {
			return nil, err
		}
	}
	l.now = l.now.UTC()
	for _, t := range l.found {
		l.setOwners(t)
		if err := t.Check(); err != nil {
			return nil, &engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Detail: "a stored state that may not be", Err: err}
		}
	}
	return l, nil
}

// queueLocked asks for what every decision reads, under its locks. What only some
// transactions have is asked for when it is known which (rest): most rounds are of
// payments that wait for their money, and have none of it.
func (l *loaded) queueLocked(batch *pgx.Batch, w want) {
	ids := uuids(w.ids)
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED") // what is read after a lock is as of after it
	if w.locks > 0 {
		batch.Queue(sql("WaitForLocks"), strconv.FormatInt(w.locks.Milliseconds(), 10))
	}
	each(batch, sql("LockTransactions"), l.addTransaction, ids)
	l.queueClock(batch)
	each(batch, sql("ReadAttempts"), l.addAttempt, ids)
	if len(w.bookings) > 0 {
		l.queueOwners(batch, nil, w)
	}
	if len(w.keys) > 0 {
		principals, operations, keys := splitKeys(w.keys)
		each(batch, sql("ReadKeys"), l.addKey, principals, operations, keys)
	}
	if len(w.identities) > 0 {
		each(batch, sql("ReadIdentities"), l.addIdentity, w.identities)
	}
}

func (l *loaded) queueClock(batch *pgx.Batch) {
	each(batch, sql("Clock"), func(row pgx.CollectableRow) error { return row.Scan(&l.now, &l.xid) })
}

// rest asks for what follows from a capture, and for who owns what a transaction does
// not. The clock is read again: there was another lock to wait for.
func (l *loaded) rest() *pgx.Batch {
	var captured, others []engine.ID
	for id, t := range l.found {
		if t.HasCaptured() {
			captured = append(captured, id)
		}
		if !t.OwnsSlot() || !t.OwnsPrompt() {
			others = append(others, id)
		}
	}
	batch := &pgx.Batch{}
	if len(captured) > 0 {
		ids := uuids(captured)
		each(batch, sql("ShareWallets"), func(pgx.CollectableRow) error { return nil }, ids)
		l.queueClock(batch)
		l.queueCaptured(batch, ids)
	}
	if len(others) > 0 {
		l.queueOwners(batch, uuids(others), want{})
	}
	return batch
}

// setOwners says who has the booking's slot and asks the payer's phone: the
// transaction itself, as its state says, or whoever was found to.
func (l *loaded) setOwners(t *engine.Transaction) {
	if t.Slot, t.SlotPaid = t.ID, !t.PaidAt.IsZero(); !t.OwnsSlot() {
		t.Slot, t.SlotPaid = l.slots[t.Booking].owner, l.slots[t.Booking].paid
	}
	if t.Prompt = t.ID; !t.OwnsPrompt() {
		t.Prompt = l.asks(t.Payer, t.Amount)
	}
}

// queueSnapshot asks for what a report reads, as of one moment.
func (l *loaded) queueSnapshot(batch *pgx.Batch, w want) {
	ids := uuids(w.ids)
	batch.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	each(batch, sql("ReadTransactions"), l.addTransaction, ids)
	each(batch, sql("ReadAttempts"), l.addAttempt, ids)
	l.queueCaptured(batch, ids)
	l.queueOwners(batch, ids, w)
	if w.timeline {
		each(batch, sql("ReadHistory"), l.addMoment, ids)
	}
	batch.Queue("COMMIT")
}

// queueCaptured asks for what there is from the first capture on.
func (l *loaded) queueCaptured(batch *pgx.Batch, ids [][16]byte) {
	each(batch, sql("ReadHolds"), l.addHold, ids)
	each(batch, sql("ReadPayouts"), l.addPayout, ids)
	each(batch, sql("ReadTries"), l.addTry, ids)
	each(batch, sql("ReadRefunds"), l.addRefund, ids)
	each(batch, sql("ReadWallets"), l.addWallet, ids)
}

// queueOwners asks who has the slots of bookings, and asks on phones.
func (l *loaded) queueOwners(batch *pgx.Batch, ids [][16]byte, w want) {
	each(batch, sql("ReadSlots"), l.addSlot, w.bookings, ids)
	indexes, amounts := splitPrompts(w.prompts)
	each(batch, sql("ReadPrompts"), l.addPrompt, indexes, amounts, ids)
}

// each queues a query whose rows are handed over one by one.
func each(batch *pgx.Batch, query string, take func(pgx.CollectableRow) error, args ...any) {
	batch.Queue(query, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := take(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// uuids turns ids into what pgx sends as uuid[] in binary.
func uuids(ids []engine.ID) [][16]byte {
	out := make([][16]byte, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

func (l *loaded) addTransaction(row pgx.CollectableRow) error {
	var t engine.Transaction
	var id [16]byte
	var sealed []byte
	var deliveryDueAt, inquiredAt, paidAt *time.Time
	err := row.Scan(&id, &t.Version, &t.Principal, &t.Booking, &t.Talent, &t.Amount, &t.Currency, &t.Method, &t.Payer.Operator, &sealed,
		&t.Payer.Email, &t.Payer.ID, &deliveryDueAt, &t.Status, &t.Step, &t.Code, &t.Review, &inquiredAt, &t.CreatedAt, &paidAt, &t.EventSeq,
		&t.JournalSeq)
	if err != nil {
		return err
	}
	t.ID = id
	t.DeliveryDueAt, t.InquiredAt, t.PaidAt, t.CreatedAt = stored(deliveryDueAt), stored(inquiredAt), stored(paidAt), t.CreatedAt.UTC()
	if t.Payer.Phone, err = openPhone(l.vault, payerPlace(t.ID), sealed); err != nil {
		return fmt.Errorf("transaction %s: %w", t.ID, err)
	}
	l.found[t.ID] = &t
	return nil
}

func (l *loaded) addAttempt(row pgx.CollectableRow) error {
	var a engine.Attempt
	var id [16]byte
	var windowAt, checkAt, absentAt *time.Time
	err := row.Scan(&id, &a.No, &a.Gateway, &a.Flow, &a.Live, &a.Status, &a.Step, &a.Disposition, &a.Captured, &a.Fee, &a.FeeSubunits,
		&a.GatewayReference, &a.Doubt, &a.NextAction, &a.RedirectURL, &a.Text, &a.Code, &a.OTPTries, &a.OTPInFlight, &a.AskedAt, &a.SinceAt,
		&windowAt, &checkAt, &absentAt, &a.Absences)
	a.AskedAt, a.SinceAt = a.AskedAt.UTC(), a.SinceAt.UTC()
	a.WindowAt, a.CheckAt, a.AbsentAt = stored(windowAt), stored(checkAt), stored(absentAt)
	if t := l.found[id]; t != nil {
		t.Attempts = append(t.Attempts, a)
	}
	return err
}

func (l *loaded) addRefund(row pgx.CollectableRow) error {
	var r engine.Refund
	var id [16]byte
	var sentAt, nextAt, absentAt *time.Time
	err := row.Scan(&id, &r.No, &r.Attempt, &r.Gateway, &r.Cause, &r.Amount, &r.Status, &r.Step, &r.Flights, &r.Sends, &r.GatewayReference,
		&r.Code, &r.Text, &r.OwedAt, &sentAt, &r.SinceAt, &nextAt, &absentAt, &r.Absences)
	r.OwedAt, r.SinceAt, r.SentAt, r.NextAt, r.AbsentAt = r.OwedAt.UTC(), r.SinceAt.UTC(), stored(sentAt), stored(nextAt), stored(absentAt)
	if t := l.found[id]; t != nil {
		t.Refunds = append(t.Refunds, r)
	}
	return err
}

func (l *loaded) addHold(row pgx.CollectableRow) error {
	var h engine.Hold
	var id [16]byte
	var releasedAt *time.Time
	err := row.Scan(&id, &h.Status, &h.Step, &h.Amount, &h.Released, &h.Refunded, &h.CommissionShare, &h.Commission, &h.TalentFee,
		&h.AutoReleaseHours, &h.HeldAt, &h.ReleaseAt, &releasedAt, &h.ReleasedBy)
	h.HeldAt, h.ReleaseAt, h.ReleasedAt = h.HeldAt.UTC(), h.ReleaseAt.UTC(), stored(releasedAt)
	if t := l.found[id]; t != nil {
		t.Hold = &h
	}
	return err
}

func (l *loaded) addPayout(row pgx.CollectableRow) error {
	var p engine.Payout
	var id [16]byte
	var nextAt, paidAt *time.Time
	err := row.Scan(&id, &p.Status, &p.Step, &p.Amount, &p.Gateway, &p.Waiting, &p.Code, &p.DueAt, &nextAt, &paidAt)
	p.DueAt, p.NextAt, p.PaidAt = p.DueAt.UTC(), stored(nextAt), stored(paidAt)
	if t := l.found[id]; t != nil {
		t.Payout = &p
	}
	return err
}

func (l *loaded) addTry(row pgx.CollectableRow) error {
	var try engine.Try
	var id [16]byte
	var sealed []byte
	err := row.Scan(&id, &try.No, &try.Gateway, &try.Live, &try.Status, &try.Step, &try.Amount, &try.Wallet.No, &try.Wallet.Operator, &sealed,
		&try.Wallet.Name, &try.Recipient, &try.GatewayReference, &try.Fee, &try.FeeSubunits, &try.Doubt, &try.Code, &try.Text, &try.Sends,
		&try.AskedAt, &try.SentAt)
	if err != nil {
		return err
	}
	try.AskedAt, try.SentAt = try.AskedAt.UTC(), try.SentAt.UTC()
	if try.Wallet.Phone, err = openPhone(l.vault, tryPlace(id, try.No), sealed); err != nil {
		return fmt.Errorf("try %d of transaction %s: %w", try.No, engine.ID(id), err)
	}
	if t := l.found[id]; t != nil && t.Payout != nil {
		t.Payout.Tries = append(t.Payout.Tries, try)
	}
	return nil
}

func (l *loaded) addWallet(row pgx.CollectableRow) error {
	var talent string
	var sealed []byte
	var w engine.Wallet
	var setAt time.Time
	var recipients map[engine.Gateway]string
	err := row.Scan(&talent, &w.No, &w.Operator, &sealed, &w.Name, &setAt, &recipients)
	if err != nil {
		return err
	}
	if w.Phone, err = openPhone(l.vault, walletPlace(talent, w.No), sealed); err != nil {
		return fmt.Errorf("a wallet of talent %s: %w", talent, err)
	}
	for _, t := range l.found {
		if t.Talent == talent {
			wallet := w
			t.Wallet, t.WalletAt, t.Recipients = &wallet, setAt.UTC(), recipients
		}
	}
	return nil
}

func (l *loaded) addSlot(row pgx.CollectableRow) error {
	var booking string
	var id [16]byte
	var paid bool
	err := row.Scan(&booking, &id, &paid)
	l.slots[booking] = slot{id, paid}
	return err
}

func (l *loaded) addIdentity(row pgx.CollectableRow) error {
	var identity engine.Identity
	var status string
	err := row.Scan(&identity, &status)
	l.identities[identity] = status
	return err
}

func (l *loaded) addMoment(row pgx.CollectableRow) error {
	var m engine.Moment
	err := row.Scan(&m.At, &m.Machine, &m.Subject, &m.From, &m.To, &m.Note)
	m.At, m.Subject = m.At.UTC(), shortSubject(m.Machine, m.Subject)
	l.timeline = append(l.timeline, m)
	return err
}
