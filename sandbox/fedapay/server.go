package fedapay

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Server is one simulated FedaPay. Make it with New, start it, and point a
// client at its Listen address or put its Handler behind a listener of yours.
type Server struct {
	*sandbox.Host
	cfg    Config
	clock  sandbox.Clock
	agenda *sandbox.Agenda
	hooks  *sandbox.Deliverer
	modes  []string // all there are, as GET /v1/currencies tells them

	mu           sync.Mutex // of the books below and of the order of the journal
	journal      *sandbox.Journal
	accounts     map[string]*sandbox.Account // by domain
	endpoints    map[string]*endpoint        // by domain
	transactions sandbox.Shelf[*transaction]
	payouts      sandbox.Shelf[*payout]
	customers    sandbox.Shelf[*customer]
	refunds      sandbox.Shelf[*refund]
	events       sandbox.Shelf[*event]
	lastIDs      map[string]uint64      // by kind of row
	starts       map[string][]time.Time // of payouts, by number, in the order they were made
	url          string                 // of the endpoints
}

// New makes a FedaPay at rest: no goroutine, no file, until Start.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	pulse := sandbox.NewPulse()
	faults := sandbox.NewFaults(cfg.Seed, Operations())
	s := &Server{
		cfg: cfg, clock: cfg.Clock, agenda: sandbox.NewAgenda(cfg.Clock, pulse), modes: modesOf(cfg), url: cfg.WebhookURL,
		journal: &sandbox.Journal{}, // until Start opens the one of the books
	}
	gaps := schedule(cfg.Guesses.RetryFirst)
	s.hooks = sandbox.NewDeliverer(sandbox.DelivererConfig{
		URL: cfg.WebhookURL, Sign: s.sign, Schedule: func(string) []time.Duration { return gaps }, Speed: cfg.Speed,
		Accepts: func(status int) bool { return status/100 == 2 }, // any 2xx is received (FedaPay docs, Webhooks)
		Timeout: cfg.Guesses.TryTimeout, Workers: cfg.DeliveryWorkers,
		Faults: faults, Agenda: s.agenda, Clock: cfg.Clock, Pulse: pulse, Record: s.recordTry,
	})
	s.Host = sandbox.NewHost(sandbox.HostConfig{
		Name: "sandbox fedapay", Dialect: s.dialect(),
		Clock: cfg.Clock, Agenda: s.agenda, Pulse: pulse, Faults: faults, Hooks: s.hooks, OnArrival: cfg.OnArrival,
		Check: func() error {
			if err := s.cfg.validate(); err != nil {
				return err
			}
			return faults.Add(s.cfg.Faults...)
		},
		Open: s.open, Close: s.close, Books: s.BooksOf, Own: s.serveOwn,
	})
	return s
}

// PointWebhooksAt changes the webhook address, as the dashboard would.
func (s *Server) PointWebhooksAt(url string) {
	s.mu.Lock()
	s.url = url
	s.mu.Unlock()
	s.Host.PointWebhooksAt(url)
}

// sign is FedaPay's: t=<unix seconds>,s=<lower-case hex of HMAC-SHA256 over t.body>,
// keyed with the endpoint's secret and made anew for each try (FedaPay docs,
// Webhooks).
func (s *Server) sign(domain string, body []byte) (name, value string) {
	t := decimal(s.clock.Now().Unix())
	value = "t=" + t
	for _, secret := range s.cfg.WebhookSecrets {
		if domainOf(secret, "wh_") == domain {
			value += ",s=" + signature(secret, t, body)
		}
	}
	return "X-FEDAPAY-SIGNATURE", value
}

func signature(secret, t string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// domain is that of a key of ours; empty for any other.
func (s *Server) domain(key string) string {
	for _, ours := range s.cfg.SecretKeys {
		if subtle.ConstantTimeCompare([]byte(key), []byte(ours)) == 1 {
			return domainOf(ours, "sk_")
		}
	}
	return ""
}

func (s *Server) firstDomain() string { return domainOf(s.cfg.SecretKeys[0], "sk_") }

// entry is a line of the journal: one change, or one webhook try.
type entry struct {
	Transactions []*transaction     `json:",omitempty"`
	Payouts      []*payout          `json:",omitempty"`
	Customers    []*customer        `json:",omitempty"`
	Refunds      []*refund          `json:",omitempty"`
	Events       []*event           `json:",omitempty"`
	Endpoints    []*endpoint        `json:",omitempty"`
	Movements    []sandbox.Movement `json:",omitempty"`
	Deliveries   []sandbox.Delivery `json:",omitempty"`
	IDs          map[string]uint64  `json:",omitempty"` // the last of each kind
	Tried        *sandbox.Tried     `json:",omitempty"`
}

// Kinds of rows. Each counts its ids by itself: transaction 235880 and payout
// 235880 are two things.
const (
	transactionKind = "transaction"
	payoutKind      = "payout"
	customerKind    = "customer"
	phoneKind       = "phone_number"
	methodKind      = "payment_method"
	refundKind      = "refund"
	eventKind       = "event"
)

// All kinds begin alike, so that a client which mixes them up notices here.
const firstID = 235_878

// open replays the books and sets going what they promise.
func (s *Server) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	s.accounts, s.endpoints, s.lastIDs = map[string]*sandbox.Account{}, map[string]*endpoint{}, map[string]uint64{}
	for i, domain := range []string{domainSandbox, domainLive} {
		s.accounts[domain] = sandbox.NewAccount(s.cfg.Float)
		s.endpoints[domain] = &endpoint{
			ID: uint64(i) + 1, Domain: domain, Enabled: true, DisableOnError: !s.cfg.KeepEnabled, CreatedAt: now, UpdatedAt: now,
		}
	}
	journal, err := sandbox.OpenJournal(s.cfg.BooksPath, func(line []byte) error {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		s.replay(e)
		return nil
	})
	if err != nil {
		return err
	}
	s.journal = journal
	s.starts = map[string][]time.Time{}
	for _, row := range s.transactions.Rows {
		s.planTransaction(row)
	}
	for _, row := range s.payouts.Rows {
		s.planPayout(row)
		if !row.StartedAt.IsZero() {
			s.countStart(row)
		}
	}
	for domain, e := range s.endpoints {
		if !e.Enabled {
			s.hooks.Disable(domain)
		}
	}
	s.hooks.Resume()
	return nil
}

func (s *Server) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.Close()
}

func (s *Server) replay(e entry) {
	for _, row := range e.Transactions {
		s.transactions.Put(row)
	}
	for _, row := range e.Payouts {
		s.payouts.Put(row)
	}
	for _, row := range e.Customers {
		s.customers.Put(row)
	}
	for _, row := range e.Refunds {
		s.refunds.Put(row)
	}
	for _, row := range e.Events {
		s.events.Put(row)
	}
	for _, row := range e.Endpoints {
		s.endpoints[row.Domain] = row
	}
	for _, m := range e.Movements {
		s.accounts[m.Domain].Post(m)
	}
	for kind, id := range e.IDs {
		s.lastIDs[kind] = id
	}
	for _, one := range e.Deliveries {
		s.hooks.Restore(one)
	}
	if e.Tried != nil {
		s.hooks.Replay(*e.Tried)
	}
}

// change is what one request or one step does to the books, all or nothing.
type change struct {
	*Server
	now   time.Time
	entry entry
}

// update runs a change under the lock, writes it down, and only then lets the
// world see it: webhooks leave, steps are planned, the answer goes out. The
// answer is errServer when the books can't be written; the effect may stand
// then, which is what a 500 means everywhere.
func (s *Server) update(do func(*change) answer) answer {
	s.mu.Lock()
	c := &change{Server: s, now: s.clock.Now()}
	a := do(c)
	number, err := s.write(c.entry)
	for _, row := range c.entry.Transactions {
		s.planTransaction(row)
	}
	for _, row := range c.entry.Payouts {
		s.planPayout(row)
	}
	s.mu.Unlock()
	if err == nil {
		err = s.journal.Sync(number)
	}
	s.hooks.Send(c.entry.Deliveries)
	if err != nil {
		return errServer
	}
	return a
}

// write appends a change unless it is empty.
func (s *Server) write(e entry) (uint64, error) {
	if e.Transactions == nil && e.Payouts == nil && e.Customers == nil && e.Endpoints == nil {
		return 0, nil
	}
	return s.journal.Append(e)
}

// read answers from the books.
func (s *Server) read(do func(now time.Time) answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(s.clock.Now())
}

// A row is about 1 KiB, an event 2: half a million of a kind are at most a GiB.
const rowsMax = 500_000

// id is the next one of its kind.
func (c *change) id(kind string) uint64 {
	c.lastIDs[kind] = max(c.lastIDs[kind], firstID) + 1
	if c.entry.IDs == nil {
		c.entry.IDs = map[string]uint64{}
	}
	c.entry.IDs[kind] = c.lastIDs[kind]
	return c.lastIDs[kind]
}

func (c *change) saveTransaction(row *transaction) {
	row.UpdatedAt = c.now
	c.transactions.Put(row)
	c.entry.Transactions = append(c.entry.Transactions, row)
}

func (c *change) savePayout(row *payout) {
	row.UpdatedAt = c.now
	c.payouts.Put(row)
	c.entry.Payouts = append(c.entry.Payouts, row)
}

func (c *change) saveCustomer(row *customer) {
	row.UpdatedAt = c.now
	c.customers.Put(row)
	c.entry.Customers = append(c.entry.Customers, row)
}

// move books a movement in one of the merchant's balances.
func (c *change) move(domain, pot string, kind sandbox.MovementKind, reference string, amount int64) {
	if amount == 0 {
		return
	}
	m := sandbox.Movement{At: c.now, Domain: domain, Kind: kind, Reference: reference, Amount: amount, Pot: pot}
	c.accounts[domain].Post(m)
	c.entry.Movements = append(c.entry.Movements, m)
}

// walk takes the steps that are due; false if none is, because an earlier note
// in the agenda has seen to it.
func (c *change) walk(steps *[]step, take func(step)) (moved bool) {
	for len(*steps) > 0 && !(*steps)[0].At.After(c.now) {
		st := (*steps)[0]
		*steps = (*steps)[1:]
		take(st)
		moved = true
	}
	return moved
}

// notice is something to tell about a row.
type notice struct {
	domain, name, object string
	id                   uint64
	reference            string
	outcome              sandbox.Outcome
	plain                any // as an event has it
	full                 any // as a webhook has it
}

// notify keeps an event and plans its webhook, which leaves once the change is
// written down.
func (c *change) notify(n notice) {
	if len(c.events.Rows) < rowsMax {
		row := &event{
			ID: c.id(eventKind), Domain: n.domain, Name: n.name, Object: n.object, ObjectID: n.id,
			Entity: encode(n.plain), CreatedAt: c.now,
		}
		c.events.Put(row)
		c.entry.Events = append(c.entry.Events, row)
	}
	c.entry.Deliveries = append(c.entry.Deliveries, c.hooks.Plan(sandbox.Notice{
		Domain: n.domain, Event: n.name, Reference: n.reference, Outcome: n.outcome, Restate: restate,
		Body: encode(struct {
			Name    string `json:"name"`
			Object  string `json:"object"`
			Entity  any    `json:"entity"`
			Account any    `json:"account"`
		}{n.name, n.object, n.full, c.accountOf(n.domain)}),
	})...)
}

func encode(v any) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("sandbox fedapay: %T cannot be written as JSON: %v", v, err)) // our own types
	}
	return out
}
