package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
	"github.com/valyala/fasthttp/pprofhandler"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// healthWithin bounds what a probe may cost: orchestrators give one a second.
const healthWithin = time.Second

// serveAdmin is the listener of whoever runs the engine. It is never public.
func (s *Server) serveAdmin(ctx *fasthttp.RequestCtx) {
	c := s.begin(ctx)
	c.class = "admin"
	defer s.finish(ctx, c, time.Now())
	path := ctx.Path()
	switch {
	case !ctx.IsGet():
		ctx.Error("GET only\n", fasthttp.StatusMethodNotAllowed)
	case string(path) == "/healthz":
		ctx.SetBodyString("ok\n") // the process answers: no more is promised, and nothing told
	case string(path) == "/readyz":
		s.ready(ctx)
	case string(path) == "/metrics":
		s.metrics.page(ctx)
	case string(path) == "/debug/pprof/":
		profileIndex(ctx)
	case bytes.HasPrefix(path, []byte("/debug/pprof/")) && string(path) != "/debug/pprof/cmdline": // a setting may stand there
		pprofhandler.PprofHandler(ctx)
	default:
		ctx.Error("/healthz /readyz /metrics /debug/pprof/\n", fasthttp.StatusNotFound)
	}
}

// profileIndex is the page that fasthttp's pprof handler answers 404 for.
var profileIndex = fasthttpadaptor.NewFastHTTPHandlerFunc(pprof.Index)

// Readiness is what /readyz says. How gateways and operators are stands beside
// whether we are ready and never in it: with every gateway down this process is
// still the one that takes webhooks, confirms deliveries and tells payers what
// works, and no other node would do better.
type Readiness struct {
	Ready         bool             `json:"ready"`
	Reasons       []string         `json:"reasons,omitempty"` // why not
	Breakers      []Breaker        `json:"breakers"`
	Resting       []engine.Gateway `json:"resting_gateways,omitempty"`
	OperatorsDown []phone.Operator `json:"operators_down,omitempty"`
	Routes        []Route          `json:"routes"`
}

// Route is a line of the table operator × gateway × flow.
type Route struct {
	Direction engine.Direction `json:"direction"`
	Method    engine.Method    `json:"method"`
	Operator  phone.Operator   `json:"operator,omitempty"`
	Gateway   engine.Gateway   `json:"gateway"`
	Flow      engine.Flow      `json:"flow"`
	Evidence  string           `json:"evidence"`
	Off       string           `json:"off,omitempty"` // why it is not used
}

func (s *Server) ready(ctx *fasthttp.RequestCtx) {
	within, cancel := context.WithTimeout(s.base, healthWithin)
	defer cancel()
	outside := s.ports.Outside.health()
	answer := Readiness{Breakers: s.ports.Outside.breakers(), Resting: outside.Resting, OperatorsDown: outside.Down}
	for _, r := range s.cfg.Policy.Routes {
		answer.Routes = append(answer.Routes, Route(r))
	}
	if s.draining() {
		answer.Reasons = []string{"stopping"}
	} else if err := s.ports.Health.Ready(within); err != nil {
		answer.Reasons = reasons(err)
	}
	if answer.Ready = len(answer.Reasons) == 0; !answer.Ready {
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
	}
	ctx.SetContentType("application/json")
	_ = json.NewEncoder(ctx).Encode(answer) // a buffer: it can't fail
}

// reasons takes joined errors apart, one line each.
func reasons(err error) []string {
	var several interface{ Unwrap() []error }
	if !errors.As(err, &several) {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range several.Unwrap() {
		out = append(out, e.Error())
	}
	return out
}

// metrics are this room's; other rooms register theirs with the same registry.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	webhooks *prometheus.CounterVec
	limited  *prometheus.CounterVec
	sources  *prometheus.CounterVec
	signed   *prometheus.CounterVec
	page     fasthttp.RequestHandler
}

func newMetrics(registry *prometheus.Registry, health Health) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_http_requests_total", Help: "Answers by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cauri_http_request_seconds", Help: "From the headers to the answer, by limit class.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"class"}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_webhooks_total", Help: "Webhooks by gateway and what came of them.",
		}, []string{"gateway", "result"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_rate_limited_total", Help: "Requests answered 429, by the limit that was used up.",
		}, []string{"limit"}),
		sources: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_webhooks_source_total", Help: "Signed webhooks, by whether they came from an address that the gateway names.",
		}, []string{"gateway", "known"}),
		signed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cauri_webhooks_signed_total",
			Help: "Signed webhooks, by the id of the secret that matched: an old one goes when nothing comes under it.",
		}, []string{"gateway", "key"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.webhooks, m.limited, m.sources, m.signed, &backlogGauges{health}} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	m.page = fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // half a page beats none during an outage
	}))
	return m, nil
}

// backlogGauges asks how old the oldest waiting work is whenever it is scraped.
type backlogGauges struct{ health Health }

var (
	inboxAge = prometheus.NewDesc("cauri_inbox_waiting_age_seconds_max",
		"Age of the oldest webhook received and not applied; alarm above 60.", nil, nil)
	dueAge = prometheus.NewDesc("cauri_due_age_seconds_max",
		"Age of the oldest row whose time has come and passed.", nil, nil)
)

// Describe is for prometheus.
func (g *backlogGauges) Describe(out chan<- *prometheus.Desc) {
	out <- inboxAge
	out <- dueAge
}

// Collect is for prometheus. When nobody can tell, it says so rather than 0: an
// alarm on absence is one too.
func (g *backlogGauges) Collect(out chan<- prometheus.Metric) {
	within, cancel := context.WithTimeout(context.Background(), healthWithin)
	defer cancel()
	b, err := g.health.Backlog(within)
	if err != nil {
		out <- prometheus.NewInvalidMetric(inboxAge, err)
		out <- prometheus.NewInvalidMetric(dueAge, err)
		return
	}
	out <- prometheus.MustNewConstMetric(inboxAge, prometheus.GaugeValue, b.InboxWaiting.Seconds())
	out <- prometheus.MustNewConstMetric(dueAge, prometheus.GaugeValue, b.Due.Seconds())
}
