package sandbox

import (
	"bytes"
	"encoding/json"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// ownPaths begin what no gateway has.
const ownPaths = "/sandbox/"

// serveOwn serves them without a key: this is a sandbox, and k6 scripts and
// people are to reach it. No fault touches it.
func (h *Host) serveOwn(ctx *fasthttp.RequestCtx, r *Request) {
	switch r.Method + " " + r.Path {
	case "GET /sandbox/books":
		Show(ctx, h.cfg.Books(r.Query.Get("domain")))
	case "GET /sandbox/deliveries":
		h.showDeliveries(ctx, r)
	case "GET /sandbox/numbers":
		Show(ctx, Numbers)
	case "GET /sandbox/faults":
		h.showFaults(ctx)
	case "POST /sandbox/faults":
		h.addFaults(ctx, r)
	case "DELETE /sandbox/faults":
		h.cfg.Faults.Clear()
		h.showFaults(ctx)
	case "POST /sandbox/dark":
		h.darken(ctx, r)
	default:
		if !h.cfg.Own(ctx, r) {
			Deny(ctx, fasthttp.StatusNotFound, "no such path")
		}
	}
}

// Show answers one of the sandbox's own paths.
func Show(ctx *fasthttp.RequestCtx, body any) {
	write(ctx, Answer{Code: fasthttp.StatusOK, Body: body})
}

// Deny refuses on one of them.
func Deny(ctx *fasthttp.RequestCtx, code int, why string) {
	write(ctx, Answer{Code: code, Body: struct {
		Message string `json:"message"`
	}{why}})
}

func (h *Host) showDeliveries(ctx *fasthttp.RequestCtx, r *Request) {
	fits := func(filter, value string) bool { return filter == "" || filter == value }
	shown := []Delivery{}
	for _, one := range h.Deliveries() {
		if fits(r.Query.Get("reference"), one.Reference) && fits(r.Query.Get("event"), one.Event) {
			shown = append(shown, one)
		}
	}
	Show(ctx, shown)
}

func (h *Host) showFaults(ctx *fasthttp.RequestCtx) {
	Show(ctx, struct {
		Rules  []Fault      `json:"rules"`
		Counts []FaultCount `json:"counts"`
	}{h.cfg.Faults.Rules(), h.cfg.Faults.Counts()})
}

// addFaults takes one rule or a list of them; a misspelt field is refused, so
// that a chaos script cannot test nothing.
func (h *Host) addFaults(ctx *fasthttp.RequestCtx, r *Request) {
	body := bytes.TrimSpace(r.Body)
	if len(body) > 0 && body[0] == '{' {
		body = append(append([]byte{'['}, body...), ']')
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var rules []Fault
	err := decoder.Decode(&rules)
	if err == nil {
		err = h.cfg.Faults.Add(rules...)
	}
	if err != nil {
		Deny(ctx, fasthttp.StatusBadRequest, err.Error())
		return
	}
	h.showFaults(ctx)
}

// A darkness asked for over HTTP ends by itself: with the port closed, nobody
// can ask for light.
const darkMillisMax = 10 * 60 * 1000

// darken takes {"mode": "refused" | "cut" | "off", "for_millis": 5000}. The
// answer to "refused" is sent before the port closes.
func (h *Host) darken(ctx *fasthttp.RequestCtx, r *Request) {
	var body struct {
		Mode   string `json:"mode"`
		Millis int    `json:"for_millis"`
	}
	if json.Unmarshal(r.Body, &body) != nil || body.Millis < 0 || body.Millis > darkMillisMax {
		Deny(ctx, fasthttp.StatusBadRequest, "the body is not as documented")
		return
	}
	lit := func() {
		until := h.cfg.Clock.Now().Add(time.Duration(body.Millis) * time.Millisecond)
		h.cfg.Agenda.At(until, func() { _ = h.Shine() }) // a port taken meanwhile stays dark
	}
	switch {
	case body.Mode == "off":
		if err := h.Shine(); err != nil {
			Deny(ctx, fasthttp.StatusInternalServerError, err.Error())
			return
		}
	case body.Mode == "cut":
		h.Cut()
		if body.Millis > 0 {
			lit()
		}
	case body.Mode == "refused" && body.Millis > 0:
		// fasthttp sends the answer before it hands over the connection.
		ctx.Hijack(func(net.Conn) {
			h.Refuse()
			lit()
		})
	default:
		Deny(ctx, fasthttp.StatusBadRequest, "mode is refused (with for_millis), cut or off")
		return
	}
	Show(ctx, struct {
		Mode string `json:"mode"`
	}{body.Mode})
}
