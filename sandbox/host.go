package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
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

// HostConfig is a gateway as its host needs it. Every field is set.
type HostConfig struct {
	Dialect
	Name      string // begins errors: "sandbox fedapay"
	Clock     Clock
	Agenda    *Agenda
	Pulse     *Pulse
	Faults    *Faults
	Hooks     *Deliverer
	OnArrival func(Arrival) // told of every API call before anything is done about it
	Check     func() error  // whether the configuration can be used
	Open      func() error  // the books, replayed and set going
	Close     func() error
	Books     func(domain string) Books                        // the first domain's when empty
	Own       func(*fasthttp.RequestCtx, *Request) (done bool) // /sandbox/ paths that only this gateway has
}

// Host is what every simulated gateway does alike: it lives, listens, goes dark,
// serves calls through the faults, and answers below /sandbox/. A gateway embeds
// it and adds its routes and books.
type Host struct {
	cfg HostConfig

	running atomic.Bool
	cutting atomic.Bool // connections are cut instead of answered
	life    sync.Mutex  // of what follows
	stop    context.CancelFunc
	done    sync.WaitGroup
	stopped <-chan struct{}
	gates   []*Gate
	servers []*fasthttp.Server
}

// NewHost makes a host at rest: no goroutine, no file, until Start.
func NewHost(cfg HostConfig) *Host { return &Host{cfg: cfg} }

// Start checks the configuration, opens the books and begins to live: planned
// steps happen, webhooks leave. What an earlier process had promised in the
// same books goes on. Twice is harmless. It fails on a configuration or a file
// that can't be used, and after Stop.
func (h *Host) Start(context.Context) error {
	h.life.Lock()
	defer h.life.Unlock()
	switch {
	case h.running.Load():
		return nil
	case h.stop != nil:
		return fmt.Errorf("%s: stopped; make a new one on the same books", h.cfg.Name)
	}
	if err := h.cfg.Check(); err != nil {
		return fmt.Errorf("%s: %w", h.cfg.Name, err)
	}
	if err := h.cfg.Open(); err != nil {
		return fmt.Errorf("%s: %w", h.cfg.Name, err)
	}
	// The life of the goroutines is Stop's to end, not the starter's context's.
	ctx, cancel := context.WithCancel(context.Background())
	h.stop, h.stopped = cancel, ctx.Done()
	h.done.Go(func() { h.cfg.Agenda.Run(ctx) })
	h.done.Go(func() { h.cfg.Hooks.Run(ctx) })
	h.running.Store(true)
	return nil
}

// Stop closes the listeners, ends every goroutine and closes the books. What
// was promised and not yet done is done by the next server on the same books.
// Twice is harmless.
// It returns the context's error when that ends before everything has.
func (h *Host) Stop(ctx context.Context) error {
	if !h.running.CompareAndSwap(true, false) {
		return nil
	}
	// The lock is not held while waiting: a planned Shine may want it.
	h.life.Lock()
	gates, servers := h.gates, h.servers
	h.life.Unlock()
	var errs []error
	h.stop()
	for _, gate := range gates {
		errs = append(errs, gate.Close())
	}
	for _, server := range servers {
		errs = append(errs, server.ShutdownWithContext(ctx))
	}
	ended := make(chan struct{})
	var waiter sync.WaitGroup
	waiter.Go(func() { h.done.Wait(); close(ended) })
	select {
	case <-ended:
	case <-ctx.Done():
		return errors.Join(append(errs, ctx.Err())...)
	}
	return errors.Join(append(errs, h.cfg.Close())...)
}

// Listen serves on a TCP address, 127.0.0.1:0 for a free port, and returns the
// base URL a client is to be given. Start comes first.
func (h *Host) Listen(addr string) (string, error) {
	h.life.Lock()
	defer h.life.Unlock()
	if !h.running.Load() {
		return "", fmt.Errorf("%s: listen before start", h.cfg.Name)
	}
	gate, err := OpenGate(addr)
	if err != nil {
		return "", fmt.Errorf("%s: %w", h.cfg.Name, err)
	}
	server := &fasthttp.Server{
		Handler: h.Handler(), NoDefaultServerHeader: true, NoDefaultDate: true, CloseOnShutdown: true,
		MaxRequestBodySize: bodyBytesMax, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxIdleWorkerDuration: idleWorkerMax, Logger: silent{},
	}
	h.gates, h.servers = append(h.gates, gate), append(h.servers, server)
	// Its error is the gate's end, which Stop knows about.
	h.done.Go(func() { _ = server.Serve(gate) })
	return "http://" + gate.Addr().String(), nil
}

// silent drops fasthttp's remarks about cut connections: they are our doing.
type silent struct{}

func (silent) Printf(string, ...any) {}

// Faults are the rules of what goes wrong; see also POST /sandbox/faults.
func (h *Host) Faults() *Faults { return h.cfg.Faults }

// Deliveries are the latest webhooks and what was answered to each try.
func (h *Host) Deliveries() []Delivery { return h.cfg.Hooks.Deliveries() }

// PointWebhooksAt changes the webhook address, as the dashboard would.
func (h *Host) PointWebhooksAt(url string) { h.cfg.Hooks.PointAt(url) }

// Quiet waits until nothing is due and no webhook is under way: with a manual
// clock, until everything the last Advance set in motion has happened.
func (h *Host) Quiet(ctx context.Context) error {
	// The agenda first: it hands on to the deliverer, never the other way round
	// within the same moment.
	return h.cfg.Pulse.Until(ctx, func() bool { return h.cfg.Agenda.Quiet() && h.cfg.Hooks.Quiet() })
}

// Refuse makes every listener refuse connections, and cuts the open ones: what
// a client can know was not sent. A connection it had pooled ends instead, which
// tells it nothing; so do all behind a foreign listener. Shine ends it.
func (h *Host) Refuse() {
	h.life.Lock()
	defer h.life.Unlock()
	h.cutting.Store(true) // calls under way are not answered either
	for _, gate := range h.gates {
		gate.Darken()
	}
}

// Cut makes every API connection end without an answer: what a client can know
// nothing about. The sandbox's own paths go on answering. Shine ends it.
func (h *Host) Cut() { h.cutting.Store(true) }

// Shine ends Refuse and Cut. It fails when somebody took the port meanwhile.
func (h *Host) Shine() error {
	h.life.Lock()
	defer h.life.Unlock()
	h.cutting.Store(false)
	var errs []error
	for _, gate := range h.gates {
		errs = append(errs, gate.Light())
	}
	return errors.Join(errs...)
}
