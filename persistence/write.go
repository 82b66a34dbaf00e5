package persistence

import (
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/ledger"
	"github.com/bookmi/cauri/internal/vault"
)

// decided is one ask of a round with what came of it.
type decided struct {
	ask      engine.Ask
	before   engine.Transaction
	decision engine.Decision
	name     engine.ID // the decision's own: by it, and by nothing else, it is known to stand
	inbox    string    // how the notification told of stands in the inbox already; empty: it is new
}

// writers are those of rounds that are over, with the memory of their arrays.
var writers = sync.Pool{New: func() any { return new(writer) }}

// write queues everything the decisions say, one statement a table over arrays,
// and leaves out the tables nothing is said about. Nothing is sent here: the
// caller adds the COMMIT, so that writing a round is one round trip, and gives the
// writer back when the batch has been sent.
func write(batch *pgx.Batch, v *vault.Vault, now time.Time, round []decided) (*writer, error) {
	w := writers.Get().(*writer) //nolint:forcetypeassert // it holds nothing else
	w.now, w.vault = now, v
	for i := range round {
		if err := w.add(&round[i]); err != nil {
			return w, err
		}
	}
	w.queue(batch)
	return w, nil
}

// giveBack ends a writer's round.
func (w *writer) giveBack() {
	for _, c := range w.tables() {
		c.reset()
	}
	w.leaving, w.silent, w.created, w.accounts, w.acts = w.leaving[:0], w.silent[:0], w.created[:0], nil, nil
	writers.Put(w)
}

func (w *writer) tables() []*columns {
	return []*columns{
		&w.transactions, &w.updates, &w.slots, &w.prompts, &w.attempts, &w.attempted, &w.holds, &w.held, &w.payouts, &w.tries, &w.refunds,
		&w.journals, &w.postings, &w.history, &w.events, &w.identities, &w.known, &w.deliveries, &w.copies, &w.due, &w.notDue, &w.keys,
		&w.recipients,
	}
}

// writer collects rows, column by column.
type writer struct {
	now   time.Time
	vault *vault.Vault

	transactions columns // new ones
	updates      columns
	slots        columns
	leaving      [][16]byte // whose slot is given up
	prompts      columns
	silent       [][16]byte // whose prompt is over
	attempts     columns    // new ones
	attempted    columns    // what became of others
	holds        columns    // new ones
	held         columns    // what became of others
	payouts      columns
	tries        columns
	refunds      columns
	journals     columns
	accounts     map[ledger.Account]*int64
	postings     columns
	history      columns
	events       columns
	identities   columns // new ones
	known        columns // those the inbox has
	deliveries   columns
	copies       columns // deliveries of what is in the inbox already
	due          columns
	notDue       columns
	keys         columns
	recipients   columns
	created      [][16]byte
	acts         []act // of staff: seldom any
}

// add turns one decision into rows. A key is kept for a decision that changes
// nothing too: what it asked was done, and asking again must say the same.
func (w *writer) add(d *decided) error {
	if key := d.ask.Key; key != nil {
		w.keys.row(key.Principal, key.Operation, key.Key, w.vault.Index(requestIndex, key.Hash[:]), [16]byte(d.ask.Transaction), w.now)
	}
	if a := d.ask.Act; a != nil {
		w.acts = append(w.acts, actOn(*a, d.before, d.decision.Next))
	}
	if d.decision.Changed() {
		w.addTransaction(d)
		w.addSlot(d.before, d.decision.Next)
		w.addPrompt(d.before, d.decision.Next)
		w.addChildren(d.before, d.decision.Next)
		w.addFacts(d)
		if err := w.addEvents(d.decision.Events); err != nil {
			return err
		}
	}
	_, ticked := d.ask.Command.(engine.Tick)
	w.addDue(d.before, d.decision.Next, ticked)
	if notify, told := d.ask.Command.(engine.Notify); told {
		w.addNotification(d, notify.Notification)
	}
	return nil
}

func (w *writer) addTransaction(d *decided) {
	t := d.decision.Next
	id, name := [16]byte(t.ID), [16]byte(d.name)
	if d.before.Exists() {
		w.updates.row(id, t.Version, string(t.Status), t.Step, string(t.Code), string(t.Review), nullable(t.InquiredAt), nullable(t.PaidAt),
			t.EventSeq, t.JournalSeq, name)
		return
	}
	w.created = append(w.created, id)
	sealed, index := SealPayer(w.vault, t.ID, t.Payer.Phone)
	w.transactions.row(id, t.Version, t.Principal, t.Booking, t.Talent, int64(t.Amount), string(t.Currency), string(t.Method),
		string(t.Payer.Operator), sealed, index, t.Payer.Email, t.Payer.ID, nullable(t.DeliveryDueAt), string(t.Status), t.Step,
		string(t.Code), string(t.Review), nullable(t.InquiredAt), t.CreatedAt, nullable(t.PaidAt), t.EventSeq, t.JournalSeq, name)
}

// addSlot takes the booking's slot for a payment that is open and leaves it for
// one that has ended without money.
func (w *writer) addSlot(before, t engine.Transaction) {
	was := before.Exists() && before.Status.Open()
	switch {
	case t.Status.Open() && !was:
		w.slots.row(t.Booking, [16]byte(t.ID))
	case !t.Status.Open() && was:
		w.leaving = append(w.leaving, t.ID)
	}
}

// addChildren writes those that are not as they were.
func (w *writer) addChildren(before, t engine.Transaction) {
	id := [16]byte(t.ID)
	for i, a := range t.Attempts {
		if i < len(before.Attempts) {
			if before.Attempts[i] != a {
				w.attempted.row(id, a.No, string(a.Status), a.Step, string(a.Disposition), int64(a.Captured), int64(a.Fee), a.FeeSubunits,
					a.GatewayReference, string(a.Doubt), string(a.NextAction), a.RedirectURL, a.Text, string(a.Code), a.OTPTries,
					a.OTPInFlight, a.SinceAt, nullable(a.WindowAt), nullable(a.CheckAt), nullable(a.AbsentAt), a.Absences)
			}
			continue
		}
		w.attempts.row(id, a.No, string(a.Gateway), string(a.Flow), a.Live, t.Reference(a).String(), a.AskedAt, string(a.Status), a.Step,
			string(a.Disposition), int64(a.Captured), int64(a.Fee), a.FeeSubunits, a.GatewayReference, string(a.Doubt), string(a.NextAction),
			a.RedirectURL, a.Text, string(a.Code), a.OTPTries, a.OTPInFlight, a.SinceAt, nullable(a.WindowAt), nullable(a.CheckAt),
			nullable(a.AbsentAt), a.Absences)
	}
	for i, r := range t.Refunds {
		if i < len(before.Refunds) && before.Refunds[i] == r {
			continue
		}
		w.refunds.row(id, r.No, r.Attempt, string(r.Gateway), t.RefundReference(r).String(), string(r.Cause), int64(r.Amount), r.OwedAt,
			string(r.Status), r.Step, r.Flights, r.Sends, r.GatewayReference, string(r.Code), r.Text, nullable(r.SentAt), r.SinceAt,
			nullable(r.NextAt), nullable(r.AbsentAt), r.Absences)
	}
	switch h := t.Hold; {
	case h == nil:
	case before.Hold != nil && *before.Hold != *h:
		w.held.row(id, string(h.Status), h.Step, int64(h.Released), int64(h.Refunded), nullable(h.ReleasedAt), string(h.ReleasedBy))
	case before.Hold == nil:
		w.holds.row(id, string(t.Currency), string(h.Status), h.Step, int64(h.Amount), int64(h.Released), int64(h.Refunded),
			int32(h.CommissionShare), int64(h.Commission), int64(h.TalentFee), h.AutoReleaseHours, h.HeldAt, h.ReleaseAt,
			nullable(h.ReleasedAt), string(h.ReleasedBy))
	}
	p := t.Payout
	if p == nil {
		return
	}
	w.payouts.row(id, t.Talent, string(p.Status), p.Step, int64(p.Amount), string(p.Gateway), string(p.Waiting), string(p.Code), p.DueAt,
		nullable(p.NextAt), nullable(p.PaidAt))
	for i, try := range p.Tries {
		if before.Payout != nil && i < len(before.Payout.Tries) && before.Payout.Tries[i] == try {
			continue
		}
		sealed := sealPhone(w.vault, tryPlace(t.ID, try.No), try.Wallet.Phone)
		w.tries.row(id, try.No, string(try.Gateway), try.Live, t.TryReference(try).String(), int64(try.Amount), try.Wallet.No,
			string(try.Wallet.Operator), sealed, try.Wallet.Name, try.AskedAt, string(try.Status), try.Step, try.Recipient,
			try.GatewayReference, int64(try.Fee), try.FeeSubunits, string(try.Doubt), string(try.Code), try.Text, try.Sends, try.SentAt)
	}
}

// addFacts writes history, book and learnt names.
func (w *writer) addFacts(d *decided) {
	next := d.decision.Next
	id := [16]byte(next.ID)
	for i, m := range d.decision.Moves {
		w.history.row(id, next.Version, i+1, m.Machine, m.Subject, m.Step, m.From, m.To, m.Note, w.now)
	}
	for i, j := range d.decision.Journals {
		no := d.before.JournalSeq + i + 1
		w.journals.row(id, no, string(j.Kind), j.Cause, w.now)
		for line, p := range j.Postings {
			w.postings.row(id, no, line+1, string(p.Account), int64(p.Amount), string(j.Currency))
			if floor, floored := p.Account.Floor(); floored {
				if w.accounts == nil {
					w.accounts = map[ledger.Account]*int64{}
				}
				least := int64(floor)
				w.accounts[p.Account] = &least
			}
		}
	}
	for _, r := range d.decision.Recipients {
		w.recipients.row(r.Talent, r.WalletNo, string(r.Gateway), r.Code)
	}
}

func (w *writer) addEvents(events []engine.Event) error {
	for _, e := range events {
		payload, err := eventPayload(e)
		if err != nil {
			return err
		}
		w.events.row([16]byte(e.Transaction), e.Seq, [16]byte(e.ID), string(e.Kind), e.Subject, e.Step, e.At, string(payload))
	}
	return nil
}

// addNotification keeps what was told: as counted when it counts, as review when
// it made us doubt. A copy of one that counts leaves no trace. The first copy
// does, even when an inquiry had told us the same before: what is answered 200 is
// in the inbox, and one that waited there has left it.
func (w *writer) addNotification(d *decided, n engine.Notification) {
	status := inboxReview
	if slices.Contains(d.decision.Counted, n.Identity) {
		status = inboxCounted
	}
	if !d.decision.Changed() && d.inbox == inboxCounted {
		return
	}
	if !d.decision.Changed() && status != inboxCounted && d.inbox != "" { // it stands as it stood, in other bytes perhaps
		if len(n.Delivery.Body) > 0 {
			w.addDelivery(&w.copies, n)
		}
		return
	}
	identities, deliveries := &w.identities, &w.deliveries
	if d.inbox != "" { // perhaps with these very bytes
		identities, deliveries = &w.known, &w.copies
	}
	identities.row(string(n.Identity), string(n.Gateway), n.Kind, [16]byte(d.ask.Transaction), status, w.now)
	if len(n.Delivery.Body) == 0 {
		return
	}
	w.addDelivery(deliveries, n)
}

func (w *writer) addDelivery(to *columns, n engine.Notification) {
	to.row(string(n.Identity), string(n.Gateway), n.Delivery.Signature, sealBody(w.vault, n))
}

// addDue writes what differs between what was due and what is. After a Tick the
// table is made to say exactly what the state does: somebody may have written a
// row to wake the transaction.
func (w *writer) addDue(before, t engine.Transaction, exactly bool) {
	was := map[engine.DueKind]time.Time{}
	for _, due := range before.Due() {
		was[due.Kind] = due.At
	}
	is := map[engine.DueKind]bool{}
	for _, due := range t.Due() {
		is[due.Kind] = true
		if at, stood := was[due.Kind]; exactly || !stood || !at.Equal(due.At) {
			w.due.row([16]byte(t.ID), string(due.Kind), due.At)
		}
	}
	for _, kind := range []engine.DueKind{engine.DueCharge, engine.DueRelease, engine.DuePayout, engine.DueRefund} {
		if _, stood := was[kind]; !is[kind] && (stood || exactly) {
			w.notDue.row([16]byte(t.ID), string(kind))
		}
	}
}

// queue sends each table's rows, parents before children, balances last.
func (w *writer) queue(batch *pgx.Batch) {
	for _, a := range w.acts { // before what it lets happen
		a.approve(batch)
	}
	w.updates.queue(batch, "UpdateTransactions")
	w.transactions.queue(batch, "InsertTransactions")
	if len(w.leaving) > 0 {
		batch.Queue(sql("LeaveSlots"), w.leaving)
	}
	w.slots.queue(batch, "TakeSlots")
	if len(w.silent) > 0 {
		batch.Queue(sql("LeavePrompts"), w.silent)
	}
	w.prompts.queue(batch, "TakePrompts")
	w.keys.queue(batch, "InsertKeys")
	w.attempted.queue(batch, "UpdateAttempts")
	w.attempts.queue(batch, "InsertAttempts")
	w.held.queue(batch, "UpdateHolds")
	w.holds.queue(batch, "InsertHolds")
	w.payouts.queue(batch, "WritePayouts")
	w.tries.queue(batch, "WriteTries")
	w.refunds.queue(batch, "WriteRefunds")
	w.recipients.queue(batch, "LearnRecipients")
	w.history.queue(batch, "InsertHistory")
	w.events.queue(batch, "InsertEvents")
	w.known.queue(batch, "CountIdentities")
	w.identities.queue(batch, "InsertIdentities")
	w.deliveries.queue(batch, "InsertDeliveries")
	w.copies.queue(batch, "InsertOtherDeliveries")
	w.notDue.queue(batch, "ClearDue")
	w.due.queue(batch, "WriteDue")
	if len(w.created) > 0 {
		batch.Queue(sql("WakeWaiting"), w.created)
	}
	w.journals.queue(batch, "InsertJournals")
	w.queueAccounts(batch)
	w.postings.queue(batch, "InsertPostings")
	for _, a := range w.acts {
		a.write(batch)
	}
}

// queueAccounts opens and locks the balance rows the postings are about to move.
func (w *writer) queueAccounts(batch *pgx.Batch) {
	if len(w.accounts) == 0 {
		return
	}
	var rows columns
	addresses := make([]string, 0, len(w.accounts))
	for account, floor := range w.accounts {
		rows.row(string(account), *floor)
		addresses = append(addresses, string(account))
	}
	rows.queue(batch, "OpenAccounts")
	batch.Queue(sql("LockAccounts"), addresses)
}
