package paystack

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Statuses, in Paystack's words, of charges, transfers and refunds.
const (
	sendOTP    = "send_otp"
	payOffline = "pay_offline"
	openURL    = "open_url"
	pending    = "pending"
	success    = "success"
	failed     = "failed"
	timeout    = "timeout"
	abandoned  = "abandoned"
	ongoing    = "ongoing"
	reversed   = "reversed"

	wantsOTP = "otp"
	rejected = "rejected"
	blocked  = "blocked"

	processing     = "processing"
	processed      = "processed"
	needsAttention = "needs-attention"
)

// prompts are the statuses a charge may be answered with.
var prompts = map[string]bool{sendOTP: true, payOffline: true, openURL: true, pending: true, success: true}

// A status moves along these arrows and no others. A charge may succeed after
// it was given up: that is what makes a late success. Abandoned is also where a
// hosted page begins, as nobody has paid it yet.
var (
	chargeMoves = map[string][]string{
		sendOTP:    {pending, openURL, success, failed, timeout, abandoned},
		payOffline: {success, failed, timeout, abandoned},
		openURL:    {success, failed, timeout, abandoned},
		pending:    {success, failed, timeout, abandoned},
		ongoing:    {success, failed, abandoned},
		abandoned:  {ongoing, success, failed},
		failed:     {success},
		timeout:    {success},
		success:    {reversed},
	}
	transferMoves = map[string][]string{
		pending:  {success, failed, reversed, rejected, blocked},
		wantsOTP: {abandoned},
		success:  {reversed},
	}
	refundMoves = map[string][]string{
		pending:    {processing, failed, needsAttention},
		processing: {processed, failed, needsAttention},
	}
)

// step is a status to come by itself, and what is said of it.
type step struct {
	At      time.Time
	To      string
	Message string
	Gateway string // gateway_response
}

// charge is a transaction, made by POST /charge or /transaction/initialize.
type charge struct {
	ID        uint64
	Domain    string
	Reference string
	Code      string // names the hosted page
	Email     string
	Amount    int64 // subunits, whole francs
	Requested int64 // subunits, as asked
	Fees      int64 // subunits, once captured
	Refunded  int64 // subunits, refunds not failed
	Channel   string
	Hosted    bool // initialized: the payer decides on the page
	Provider  string
	Phone     string
	Metadata  json.RawMessage
	Callback  string
	IP        string
	Status    string
	Message   string
	Gateway   string // gateway_response
	Outcome   sandbox.Outcome
	WrongOTPs int
	LockedTo  time.Time // no OTP is looked at before
	HiddenTo  time.Time // not found before
	CreatedAt time.Time
	PaidAt    time.Time
	Steps     []step

	noted time.Time // the step the agenda knows of
}

func (c *charge) keys() []string {
	return []string{"ref:" + c.Domain + ":" + c.Reference, idKey(c.Domain, c.ID), "code:" + c.Code}
}

// transfer is a payout.
type transfer struct {
	ID        uint64
	Domain    string
	Reference string
	Code      string
	Recipient string // its code
	Wallet    string
	Amount    int64 // subunits, whole francs
	Fee       int64
	Reason    string
	Status    string
	Outcome   sandbox.Outcome
	HiddenTo  time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	SentAt    time.Time
	Steps     []step

	noted time.Time
}

func (t *transfer) keys() []string {
	return []string{"ref:" + t.Domain + ":" + t.Reference, idKey(t.Domain, t.ID), "code:" + t.Domain + ":" + t.Code}
}

// recipient is where a transfer goes.
type recipient struct {
	ID        uint64
	Domain    string
	Code      string
	Name      string
	Account   string
	BankCode  string
	Metadata  json.RawMessage
	CreatedAt time.Time
}

func (r *recipient) keys() []string {
	return []string{"code:" + r.Domain + ":" + r.Code, idKey(r.Domain, r.ID), accountKey(r.Domain, r.BankCode, r.Account)}
}

func accountKey(domain, bank, account string) string {
	return "account:" + domain + ":" + bank + ":" + account
}

// refund gives back a part of a charge or all of it.
type refund struct {
	ID           uint64
	Domain       string
	Charge       uint64
	Reference    string // the charge's
	Amount       int64
	CustomerNote string
	MerchantNote string
	Status       string
	CreatedAt    time.Time
	UpdatedAt    time.Time
	RefundedAt   time.Time
	Steps        []step

	noted time.Time
}

func (r *refund) keys() []string { return []string{idKey(r.Domain, r.ID)} }

func idKey(domain string, id uint64) string {
	return "id:" + domain + ":" + strconv.FormatUint(id, 10)
}

// shelf holds rows of one kind, oldest first, findable by any of their keys.
// What find returns is the row itself: its owner's lock covers reading it too.
type shelf[R interface{ keys() []string }] struct {
	rows []R
	at   map[string]int
}

func (s *shelf[R]) find(key string) (R, bool) {
	i, found := s.at[key]
	if !found {
		var none R
		return none, false
	}
	return s.rows[i], true
}

// put adds a row or replaces the one with the same keys.
func (s *shelf[R]) put(row R) {
	keys := row.keys()
	if i, found := s.at[keys[0]]; found {
		s.rows[i] = row
		return
	}
	if s.at == nil {
		s.at = map[string]int{}
	}
	s.rows = append(s.rows, row)
	for _, key := range keys {
		s.at[key] = len(s.rows) - 1
	}
}

// code makes the tail of a name: RCP_…, TRF_…, AUTH_…. It depends on the seed
// and its arguments alone, so the same run gives the same codes, also when the
// books are opened again halfway.
func (s *Server) code(kind string, id uint64) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%d", s.cfg.Seed, kind, id)
	return fmt.Sprintf("%013s", strconv.FormatUint(h.Sum64(), 36))
}
