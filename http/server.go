package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/fasthttp/router"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/secret"
)

// Config is what may be chosen of the edge. Zero durations and counts mean the
// defaults stated; what security depends on has no switch.
type Config struct {
	Addr      string // public: the API and webhooks; 127.0.0.1:0 picks a port
	AdminAddr string // health, metrics, profiles: never public
	Version   string // of the program, for the API's description

	Keys    []Key        // beside those of Ports.Keys
	Peppers *secret.List // what keys are hashed with; nil: only Keys work
	KeyMode KeyMode      // which money the keys of Ports.Keys move: others do not work

	TokenKeys   *secret.List // public keys of payers' and talents' tokens, by kid; nil: none are taken
	TokenIssuer string       // what they name as their issuer
	Platform    string       // whose payers and talents they name, as stored with payments

	Policy *engine.Policy // which operators work, whether numbers are ported

	// TrustedProxies are believed when they say, in X-Forwarded-For, for whom they
	// come, and may have any number of connections.
	TrustedProxies []netip.Prefix

	Rates Rates // how often is too often
	// QuotaKey is what phones are hashed with before they are counted: the same on
	// every node. Another one begins to count anew.
	QuotaKey secret.Secret
	Now      func() time.Time // nil: this machine's clock. For Rates

	ReadWithin  time.Duration // the whole request, first byte to last; 5 s
	WriteWithin time.Duration // the answer, from when it is ready; 10 s
	IdleWithin  time.Duration // between two requests of a connection; 30 s
	Within      Within        // what handlers have
	BeatEvery   time.Duration // the sign of life of a stream of events; 15 s

	Log      *slog.Logger         // redacting; required
	Registry *prometheus.Registry // what /metrics shows; required
}

// Within is how long the handlers of each class have.
type Within struct {
	Webhook time.Duration // 5 s: then 503, and the gateway's retry is our queue
	Money   time.Duration // 10 s: the command's commit, and patienceMax for the gateway
	Read    time.Duration // 3 s
	Wait    time.Duration // waitMax and a read; what is waited for is never longer than what is left of it
	Export  time.Duration // 5 min, for a whole table
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&c.ReadWithin, 5 * time.Second},
		{&c.WriteWithin, 10 * time.Second},
		{&c.IdleWithin, 30 * time.Second},
		{&c.Within.Webhook, 5 * time.Second},
		{&c.Within.Money, 10 * time.Second},
		{&c.Within.Read, 3 * time.Second},
		{&c.Within.Wait, waitMax + 3*time.Second},
		{&c.Within.Export, 5 * time.Minute},
		{&c.BeatEvery, 15 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

func (c *Config) validate() error {
	switch {
	case c.Addr == "" || c.AdminAddr == "":
		return errors.New("http: the public and the admin address are required")
	case len(c.Keys) == 0 && c.Peppers == nil:
		return errors.New("http: no API key and no pepper: nobody could call")
	case c.QuotaKey.IsZero() && !(c.Rates.StartsPerPhone.IsZero() && c.Rates.CodesPerPhone.IsZero()):
		return errors.New("http: phones are counted by a keyed hash: the key is missing")
	case c.Policy == nil || c.Log == nil || c.Registry == nil:
		return errors.New("http: policy, log and registry are required")
	}
	return nil
}

// Server is the edge. Start and Stop it once.
type Server struct {
	cfg   Config
	ports Ports
	log   *slog.Logger

	classes   classes
	meters    meters
	routes    []route
	router    *router.Router
	api       huma.API
	documents documents
	pages     pages
	tokens    *tokens
	watcher   *watcher
	metrics   *metrics

	base   context.Context //nolint:containedctx // the life of the server: what every request's deadline derives from
	cancel context.CancelFunc
	drain  chan struct{} // closed when Stop begins: waiters answer, readiness turns false
	stop   sync.Once

	public, admin         *fasthttp.Server
	publicConn, adminConn net.Listener
	serving               sync.WaitGroup
}

// New builds the edge without touching the network.
func New(cfg Config, ports Ports) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	s := &Server{
		cfg: cfg, ports: ports, log: cfg.Log, classes: newClasses(cfg.Within), meters: newMeters(cfg.Rates, cfg.Now),
		drain: make(chan struct{}),
	}
	s.tokens = newTokens(cfg, time.Now)
	s.base, s.cancel = context.WithCancel(context.Background())
	s.watcher = newWatcher(ports.Feed, ports.Reports, s.drain)
	var err error
	if s.metrics, err = newMetrics(cfg.Registry, ports.Health); err != nil {
		return nil, fmt.Errorf("http: register metrics: %w", err)
	}
	if err := s.mount(); err != nil {
		return nil, fmt.Errorf("http: describe the API: %w", err)
	}
	s.public, s.admin = s.hardened(s.serve), s.hardened(s.serveAdmin)
	s.public.HeaderReceived, s.public.ExpectHandler = limitsByPath, s.expected
	return s, nil
}

// hardened is a fasthttp server with every setting that matters spelled out,
// defaults included, so that an upgrade can't change one unseen.
func (s *Server) hardened(handler fasthttp.RequestHandler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:      handler,
		ErrorHandler: s.unreadable,
		Logger:       quietLog{s.log},

		ReadTimeout:           s.cfg.ReadWithin, // of the whole request: it ends a slow-loris
		WriteTimeout:          s.cfg.WriteWithin,
		IdleTimeout:           s.cfg.IdleWithin,
		MaxIdleWorkerDuration: 10 * time.Second,

		MaxRequestBodySize: apiBodyBytesMax,
		ReadBufferSize:     headerBytesMax,
		Concurrency:        connectionsMax,
		MaxConnsPerIP:      0, // doors counts them: fasthttp knows no proxies
		MaxRequestsPerConn: requestsPerConnection,

		DisablePreParseMultipartForm: true,
		StreamRequestBody:            false,
		SecureErrorLogMessage:        true, // else a request that does not parse is logged, keys and all
		LogAllErrors:                 false,
		NoDefaultServerHeader:        true,
		CloseOnShutdown:              true,
	}
}

// quietLog takes fasthttp's own complaints: about connections, not requests.
type quietLog struct{ log *slog.Logger }

func (l quietLog) Printf(format string, args ...any) {
	l.log.Debug("connection", "complaint", fmt.Sprintf(format, args...))
}

// Start opens both listeners; requests are served when it returns.
func (s *Server) Start(ctx context.Context) error {
	var listen net.ListenConfig
	var err error
	if s.publicConn, err = listen.Listen(ctx, "tcp", s.cfg.Addr); err != nil {
		return fmt.Errorf("http: listen for the API: %w", err)
	}
	if s.adminConn, err = listen.Listen(ctx, "tcp", s.cfg.AdminAddr); err != nil {
		return errors.Join(fmt.Errorf("http: listen for the admin: %w", err), s.publicConn.Close())
	}
	s.listen("public", s.public, newDoors(s.publicConn, s.cfg.TrustedProxies))
	s.listen("admin", s.admin, s.adminConn)
	return nil
}

// listen serves one listener, and returns once it does: a Stop that came before
// would find nothing to stop, and the listener would outlive it.
func (s *Server) listen(name string, server *fasthttp.Server, on net.Listener) {
	first := &announced{Listener: on, accepting: make(chan struct{})}
	s.serving.Go(func() {
		if err := server.Serve(first); err != nil {
			s.log.Error("listener failed", "listener", name, "error", err)
		}
	})
	<-first.accepting
}

// announced is a listener that says when it is first asked for a connection.
type announced struct {
	net.Listener
	once      sync.Once
	accepting chan struct{}
}

func (l *announced) Accept() (net.Conn, error) {
	l.once.Do(func() { close(l.accepting) })
	return l.Listener.Accept()
}

// Addr is where the API listens: its port, when 0 was asked for. After Start.
func (s *Server) Addr() string { return s.publicConn.Addr().String() }

// AdminAddr is where the admin listens. After Start.
func (s *Server) AdminAddr() string { return s.adminConn.Addr().String() }

// Stop takes no new requests, lets those under way be answered until the context
// ends, and closes. The admin listener goes last, so that /readyz says false
// meanwhile. Stopping twice is harmless.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		close(s.drain)
		defer s.cancel()
		if s.publicConn == nil || s.adminConn == nil {
			return // never started
		}
		err = errors.Join(s.public.ShutdownWithContext(ctx), s.admin.ShutdownWithContext(ctx))
		if err == nil {
			s.serving.Wait()
		}
	})
	return err
}

func (s *Server) draining() bool {
	select {
	case <-s.drain:
		return true
	default:
		return false
	}
}
