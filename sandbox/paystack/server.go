package paystack

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/sandbox"
)

// Limits of the listener. No documented body comes near 256 KiB; a client that
// takes ten seconds to send one is a slow loris.
const (
	bodyBytesMax = 256 << 10
	readTimeout  = 10 * time.Second
	idleTimeout  = time.Minute
	// fasthttp's pool sleeps so long before it notices that it was stopped.
	idleWorkerMax = 100 * time.Millisecond
)

// Server is one simulated Paystack. Make it with New, start it, and point a
// client at its Listen address or put its Handler behind a listener of yours.
type Server struct {
	cfg    Config
	clock  sandbox.Clock
	agenda *sandbox.Agenda
	pulse  *sandbox.Pulse
	faults *sandbox.Faults
	hooks  *sandbox.Deliverer

	mu         sync.Mutex // of the books below and of the order of the journal
	journal    *sandbox.Journal
	accounts   map[string]*sandbox.Account // by domain
	charges    shelf[*charge]
	transfers  shelf[*transfer]
	recipients shelf[*recipient]
	refunds    shelf[*refund]
	lastID     uint64

	running atomic.Bool
	cutting atomic.Bool // connections are cut instead of answered
	life    sync.Mutex  // of what follows
	stop    context.CancelFunc
	done    sync.WaitGroup
	stopped <-chan struct{}
	gates   []*sandbox.Gate
	servers []*fasthttp.Server
}

// New makes a Paystack at rest: no goroutine, no file, until Start.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, clock: cfg.Clock, pulse: sandbox.NewPulse()}
	s.agenda = sandbox.NewAgenda(cfg.Clock, s.pulse)
	s.faults = sandbox.NewFaults(cfg.Seed, Operations())
	s.hooks = sandbox.NewDeliverer(sandbox.DelivererConfig{
		URL: cfg.WebhookURL, Sign: s.sign, Schedule: schedule, Speed: cfg.Speed, Workers: cfg.DeliveryWorkers,
		Faults: s.faults, Agenda: s.agenda, Clock: cfg.Clock, Pulse: s.pulse, Record: s.recordTry,
	})
	return s
}

// Start checks the configuration, opens the books and begins to live: planned
// steps happen, webhooks leave. What an earlier process had promised in the
// same books goes on. Twice is harmless. It fails on a configuration or a file
// that can't be used, and after Stop.
func (s *Server) Start(context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	switch {
	case s.running.Load():
		return nil
	case s.stop != nil:
		return errors.New("sandbox paystack: stopped; make a new one on the same books")
	}
	if err := s.cfg.validate(); err != nil {
		return fmt.Errorf("sandbox paystack: %w", err)
	}
	if err := s.faults.Add(s.cfg.Faults...); err != nil {
		return fmt.Errorf("sandbox paystack: %w", err)
	}
	if err := s.open(); err != nil {
		return fmt.Errorf("sandbox paystack: %w", err)
	}
	// The life of the goroutines is Stop's to end, not the starter's context's.
	ctx, cancel := context.WithCancel(context.Background())
	s.stop, s.stopped = cancel, ctx.Done()
	s.done.Go(func() { s.agenda.Run(ctx) })
	s.done.Go(func() { s.hooks.Run(ctx) })
	s.running.Store(true)
	return nil
}

// Stop closes the listeners, ends every goroutine and closes the books. What
// was promised and not yet done is done by the next server on the same books.
// Twice is harmless.
// It returns the context's error when that ends before everything has.
func (s *Server) Stop(ctx context.Context) error {
	if !s.running.CompareAndSwap(true, false) {
		return nil
	}
	// The lock is not held while waiting: a planned Shine may want it.
	s.life.Lock()
	gates, servers := s.gates, s.servers
	s.life.Unlock()
	var errs []error
	s.stop()
	for _, gate := range gates {
		errs = append(errs, gate.Close())
	}
	for _, server := range servers {
		errs = append(errs, server.ShutdownWithContext(ctx))
	}
	ended := make(chan struct{})
	var waiter sync.WaitGroup
	waiter.Go(func() { s.done.Wait(); close(ended) })
	select {
	case <-ended:
	case <-ctx.Done():
		return errors.Join(append(errs, ctx.Err())...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(append(errs, s.journal.Close())...)
}

// Listen serves on a TCP address, 127.0.0.1:0 for a free port, and returns the
// base URL a client is to be given. Start comes first.
func (s *Server) Listen(addr string) (string, error) {
	s.life.Lock()
	defer s.life.Unlock()
	if !s.running.Load() {
		return "", errors.New("sandbox paystack: listen before start")
	}
	gate, err := sandbox.OpenGate(addr)
	if err != nil {
		return "", fmt.Errorf("sandbox paystack: %w", err)
	}
	server := &fasthttp.Server{
		Handler: s.Handler(), NoDefaultServerHeader: true, NoDefaultDate: true, CloseOnShutdown: true,
		MaxRequestBodySize: bodyBytesMax, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxIdleWorkerDuration: idleWorkerMax, Logger: silent{},
	}
	s.gates, s.servers = append(s.gates, gate), append(s.servers, server)
	// Its error is the gate's end, which Stop knows about.
	s.done.Go(func() { _ = server.Serve(gate) })
	return "http://" + gate.Addr().String(), nil
}

// silent drops fasthttp's remarks about cut connections: they are our doing.
type silent struct{}

func (silent) Printf(string, ...any) {}

// Faults are the rules of what goes wrong; see also POST /sandbox/faults.
func (s *Server) Faults() *sandbox.Faults { return s.faults }

// Deliveries are the latest webhooks and what was answered to each try.
func (s *Server) Deliveries() []sandbox.Delivery { return s.hooks.Deliveries() }

// PointWebhooksAt changes the webhook address, as the dashboard would.
func (s *Server) PointWebhooksAt(url string) { s.hooks.PointAt(url) }

// Quiet waits until nothing is due and no webhook is under way: with a manual
// clock, until everything the last Advance set in motion has happened.
func (s *Server) Quiet(ctx context.Context) error {
	// The agenda first: it hands on to the deliverer, never the other way round
	// within the same moment.
	return s.pulse.Until(ctx, func() bool { return s.agenda.Quiet() && s.hooks.Quiet() })
}

// Refuse makes every listener refuse connections, and cuts the open ones: what
// a client can know was not sent. A connection it had pooled ends instead, which
// tells it nothing; so do all behind a foreign listener. Shine ends it.
func (s *Server) Refuse() {
	s.life.Lock()
	defer s.life.Unlock()
	s.cutting.Store(true) // calls under way are not answered either
	for _, gate := range s.gates {
		gate.Darken()
	}
}

// Cut makes every API connection end without an answer: what a client can know
// nothing about. The sandbox's own paths go on answering. Shine ends it.
func (s *Server) Cut() { s.cutting.Store(true) }

// Shine ends Refuse and Cut. It fails when somebody took the port meanwhile.
func (s *Server) Shine() error {
	s.life.Lock()
	defer s.life.Unlock()
	s.cutting.Store(false)
	var errs []error
	for _, gate := range s.gates {
		errs = append(errs, gate.Light())
	}
	return errors.Join(errs...)
}

// Books is what the domain of the first key holds; BooksOf names another.
func (s *Server) Books() sandbox.Books { return s.BooksOf(domainOf(s.cfg.SecretKeys[0])) }

// sign is Paystack's: lower-case hex of HMAC-SHA512 over the raw body, keyed
// with the API secret key (Paystack docs, Webhooks).
func (s *Server) sign(domain string, body []byte) (name, value string) {
	for _, key := range s.cfg.SecretKeys {
		if domainOf(key) == domain {
			return "x-paystack-signature", signature(key, body)
		}
	}
	return "x-paystack-signature", ""
}

func signature(key string, body []byte) string {
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// entry is a line of the journal: one change, or one webhook try.
type entry struct {
	Charges    []*charge          `json:",omitempty"`
	Transfers  []*transfer        `json:",omitempty"`
	Recipients []*recipient       `json:",omitempty"`
	Refunds    []*refund          `json:",omitempty"`
	Movements  []sandbox.Movement `json:",omitempty"`
	Deliveries []sandbox.Delivery `json:",omitempty"`
	Tried      *sandbox.Tried     `json:",omitempty"`
}

// Ids start above 32 bits: Paystack's are unsigned 64-bit (Paystack docs,
// Transaction), and a client that cuts them short is to notice here.
const firstID = 5_000_000_000

// open replays the books and sets going what they promise.
func (s *Server) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID = firstID
	s.accounts = map[string]*sandbox.Account{
		domainTest: sandbox.NewAccount(s.cfg.Float), domainLive: sandbox.NewAccount(s.cfg.Float),
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
	for _, row := range s.charges.rows {
		s.planCharge(row)
	}
	for _, row := range s.transfers.rows {
		s.planTransfer(row)
	}
	for _, row := range s.refunds.rows {
		s.planRefund(row)
	}
	s.hooks.Resume()
	return nil
}

func (s *Server) replay(e entry) {
	for _, row := range e.Charges {
		s.charges.put(row)
		s.lastID = max(s.lastID, row.ID)
	}
	for _, row := range e.Transfers {
		s.transfers.put(row)
		s.lastID = max(s.lastID, row.ID)
	}
	for _, row := range e.Recipients {
		s.recipients.put(row)
		s.lastID = max(s.lastID, row.ID)
	}
	for _, row := range e.Refunds {
		s.refunds.put(row)
		s.lastID = max(s.lastID, row.ID)
	}
	for _, m := range e.Movements {
		s.accounts[m.Domain].Post(m)
	}
	for _, one := range e.Deliveries {
		s.hooks.Restore(one)
	}
	if e.Tried != nil {
		s.hooks.Replay(*e.Tried)
	}
}

func (s *Server) recordTry(t sandbox.Tried) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A try that could not be written down is made again after a restart: the
	// client sees a duplicate, which it must stand anyway.
	_, _ = s.journal.Append(entry{Tried: &t})
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
	for _, row := range c.entry.Charges {
		s.planCharge(row)
	}
	for _, row := range c.entry.Transfers {
		s.planTransfer(row)
	}
	for _, row := range c.entry.Refunds {
		s.planRefund(row)
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
	if e.Charges == nil && e.Transfers == nil && e.Recipients == nil && e.Refunds == nil {
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

// A row is about 1 KiB: half a million of a kind are half a GiB.
const rowsMax = 500_000

// id is the next one, of whatever kind.
func (c *change) id() uint64 {
	c.lastID++
	return c.lastID
}

func (c *change) saveCharge(row *charge) {
	c.charges.put(row)
	c.entry.Charges = append(c.entry.Charges, row)
}

func (c *change) saveTransfer(row *transfer) {
	row.UpdatedAt = c.now
	c.transfers.put(row)
	c.entry.Transfers = append(c.entry.Transfers, row)
}

func (c *change) saveRefund(row *refund) {
	row.UpdatedAt = c.now
	c.refunds.put(row)
	c.entry.Refunds = append(c.entry.Refunds, row)
}

func (c *change) move(domain string, kind sandbox.MovementKind, reference string, amount int64) {
	if amount == 0 {
		return
	}
	m := sandbox.Movement{At: c.now, Domain: domain, Kind: kind, Reference: reference, Amount: amount}
	c.accounts[domain].Post(m)
	c.entry.Movements = append(c.entry.Movements, m)
}

// notify plans a webhook; it leaves once the change is written down.
func (c *change) notify(domain, event, reference string, outcome sandbox.Outcome, data any) {
	body, err := json.Marshal(struct {
		Event string `json:"event"`
		Data  any    `json:"data"`
	}{event, data})
	if err != nil {
		panic(fmt.Sprintf("sandbox paystack: %s cannot be written as JSON: %v", event, err)) // our own types
	}
	c.entry.Deliveries = append(c.entry.Deliveries, c.hooks.Plan(sandbox.Notice{
		Domain: domain, Event: event, Reference: reference, Body: body, Outcome: outcome, Restate: restate,
	})...)
}
