package fedapay

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Statuses, in FedaPay's words, of transactions and payouts.
const (
	pending           = "pending"
	approved          = "approved"
	declined          = "declined"
	canceled          = "canceled"
	expired           = "expired"
	transferred       = "transferred"
	refunded          = "refunded"
	approvedPartly    = "approved_partially_refunded"
	transferredPartly = "transferred_partially_refunded"

	started    = "started"
	processing = "processing"
	sent       = "sent"
	failed     = "failed"
)

// A status moves along these arrows and no others. Declined and canceled are no
// ends: the same transaction can be asked for again, on its link or directly.
var (
	transactionMoves = map[string][]string{
		pending:           {approved, declined, canceled, expired},
		declined:          {pending, approved, declined, canceled, expired},
		canceled:          {pending, approved, declined, canceled, expired},
		approved:          {transferred, refunded, approvedPartly},
		approvedPartly:    {transferredPartly, refunded, approvedPartly},
		transferred:       {refunded, transferredPartly},
		transferredPartly: {refunded, transferredPartly},
	}
	payoutMoves = map[string][]string{
		pending:    {started},
		started:    {processing, sent, failed, canceled},
		processing: {sent, failed},
	}
)

// step is a status to come by itself, and the error it comes with.
type step struct {
	At    time.Time
	To    string
	Error string `json:",omitempty"` // last_error_code
	Quiet bool   `json:",omitempty"` // no webhook
}

// transaction is a collection.
type transaction struct {
	ID        uint64
	Domain    string
	Reference string // FedaPay's
	Key       string // transaction_key
	Merchant  string // merchant_reference; empty if none was given
	Amount    int64  // francs asked, without fees that come on top
	Text      string // description
	Callback  string
	Custom    json.RawMessage
	Customer  uint64
	Tokens    []string
	Status    string
	Mode      string
	Phone     string // digits with the country's code
	Country   string
	Method    uint64 // payment_method, once paid
	PaidBy    *paidCustomer
	Fees      int64 // francs, once paid
	Debited   int64 // from the payer
	Net       int64 // amount_transferred: what reaches the merchant
	Refunded  int64
	Error     string // last_error_code; it stays after a success
	Prompted  bool   // a direct charge waits for the payer
	Outcome   sandbox.Outcome
	HiddenTo  time.Time

	CreatedAt, UpdatedAt, ApprovedAt, CanceledAt, DeclinedAt   time.Time
	RefundedAt, TransferredAt, ExpiredAt, DeletedAt, ReceiptAt time.Time

	Steps []step

	noted time.Time // the step the agenda knows of
}

// Keys implements sandbox.Row.
func (t *transaction) Keys() []string {
	keys := []string{idKey(t.Domain, t.ID)}
	if t.Merchant != "" {
		keys = append(keys, merchantKey(t.Domain, t.Merchant))
	}
	for _, token := range t.Tokens {
		keys = append(keys, "token:"+token)
	}
	return keys
}

// name is what the books know it by.
func (t *transaction) name() string { return or(t.Merchant, t.Reference) }

// paid reports that the payer was debited, whatever was given back since.
func (t *transaction) paid() bool { return !t.ApprovedAt.IsZero() }

// payable reports that its link can still be paid.
func (s *Server) payable(t *transaction, now time.Time) bool {
	return !t.paid() && t.Status != expired && t.DeletedAt.IsZero() && now.Before(t.CreatedAt.Add(s.cfg.Timings.Expiry))
}

// payout is money on its way to a wallet, once started.
type payout struct {
	ID        uint64
	Domain    string
	Reference string
	Merchant  string
	Amount    int64
	Mode      string
	Text      string
	Custom    json.RawMessage
	Customer  uint64
	Phone     string
	Fee       int64
	Status    string
	Error     string
	Outcome   sandbox.Outcome
	HiddenTo  time.Time

	CreatedAt, UpdatedAt, ScheduledAt, StartedAt, SentAt, FailedAt time.Time

	Steps []step

	noted time.Time
}

// Keys implements sandbox.Row.
func (p *payout) Keys() []string {
	keys := []string{idKey(p.Domain, p.ID)}
	if p.Merchant != "" {
		keys = append(keys, merchantKey(p.Domain, p.Merchant))
	}
	return keys
}

func (p *payout) name() string { return or(p.Merchant, p.Reference) }

// customer is who pays or is paid. The e-mail is the identity: a second one
// under it overwrites the first.
type customer struct {
	ID        uint64
	Domain    string
	First     string
	Last      string
	Email     string
	Phone     string // as given
	Country   string
	PhoneID   uint64
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time
}

// Keys implements sandbox.Row.
func (c *customer) Keys() []string {
	keys := []string{idKey(c.Domain, c.ID)}
	if c.Email != "" {
		keys = append(keys, "email:"+c.Domain+":"+c.Email)
	}
	return keys
}

// refund is what an operator gave back.
type refund struct {
	ID          uint64
	Domain      string
	Transaction uint64
	Amount      int64
	Note        string
	CreatedAt   time.Time
}

// Keys implements sandbox.Row.
func (r *refund) Keys() []string { return []string{idKey(r.Domain, r.ID)} }

// event is what happened, for whoever missed its webhook. Entity is the object
// as it was then.
type event struct {
	ID        uint64
	Domain    string
	Name      string // transaction.approved
	Object    string
	ObjectID  uint64
	Entity    json.RawMessage
	CreatedAt time.Time
}

// Keys implements sandbox.Row.
func (e *event) Keys() []string { return []string{idKey(e.Domain, e.ID)} }

// endpoint is a domain's webhook endpoint.
type endpoint struct {
	ID             uint64
	Domain         string
	Enabled        bool
	DisableOnError bool
	Failures       int // in a row, of whatever events
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

func idKey(domain string, id uint64) string {
	return "id:" + domain + ":" + strconv.FormatUint(id, 10)
}

func merchantKey(domain, reference string) string { return "merchant:" + domain + ":" + reference }

func decimal[N int64 | uint64 | int](n N) string { return strconv.FormatInt(int64(n), 10) }

// code makes the tail of a name. It depends on the seed and its arguments
// alone, so the same run gives the same codes, also when the books are opened
// again halfway.
func (s *Server) code(kind string, id uint64) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%d", s.cfg.Seed, kind, id)
	return fmt.Sprintf("%013s", strconv.FormatUint(h.Sum64(), 36))
}
