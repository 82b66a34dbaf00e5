package paystack

import (
	"bytes"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/sandbox"
)

// BooksOf is what a domain (test, live) holds now.
func (s *Server) BooksOf(domain string) sandbox.Books {
	s.mu.Lock()
	defer s.mu.Unlock()
	account, known := s.accounts[domain]
	if !known {
		account = sandbox.NewAccount(0)
	}
	b := sandbox.Books{
		Gateway: "paystack", Domain: domain, Currency: currency, Subunits: subunits,
		Payments: []sandbox.PaymentRow{}, Transfers: []sandbox.TransferRow{}, Refunds: []sandbox.RefundRow{},
	}
	for _, row := range s.charges.rows {
		if row.Domain == domain {
			b.Payments = append(b.Payments, sandbox.PaymentRow{
				Reference: row.Reference, GatewayID: strconv.FormatUint(row.ID, 10), Status: row.Status,
				Phone: row.Phone, Asked: row.Amount,
			})
		}
	}
	for _, row := range s.transfers.rows {
		if row.Domain == domain {
			b.Transfers = append(b.Transfers, sandbox.TransferRow{
				Reference: row.Reference, GatewayID: row.Code, Status: row.Status, Wallet: row.Wallet, Asked: row.Amount,
			})
		}
	}
	for _, row := range s.refunds.rows {
		if row.Domain == domain {
			b.Refunds = append(b.Refunds, sandbox.RefundRow{
				GatewayID: strconv.FormatUint(row.ID, 10), Payment: row.Reference, Status: row.Status,
				Amount: row.Amount, Note: row.MerchantNote,
			})
		}
	}
	return account.Snapshot(b)
}

// serveSandbox serves what Paystack does not have, without a key: this is a
// sandbox, and k6 scripts and people are to reach it. No fault touches it.
func (s *Server) serveSandbox(ctx *fasthttp.RequestCtx, r *request) {
	if strings.HasPrefix(r.path, pagePath) {
		s.servePage(ctx, r)
		return
	}
	switch r.method + " " + r.path {
	case "GET /sandbox/books":
		show(ctx, s.BooksOf(or(r.query.Get("domain"), domainOf(s.cfg.SecretKeys[0]))))
	case "GET /sandbox/deliveries":
		s.showDeliveries(ctx, r)
	case "GET /sandbox/numbers":
		show(ctx, sandbox.Numbers)
	case "GET /sandbox/faults":
		s.showFaults(ctx)
	case "POST /sandbox/faults":
		s.addFaults(ctx, r)
	case "DELETE /sandbox/faults":
		s.faults.Clear()
		s.showFaults(ctx)
	case "POST /sandbox/dark":
		s.darken(ctx, r)
	default:
		write(ctx, errNoPath)
	}
}

func show(ctx *fasthttp.RequestCtx, body any) {
	write(ctx, answer{code: fasthttp.StatusOK, body: body})
}

func (s *Server) showDeliveries(ctx *fasthttp.RequestCtx, r *request) {
	shown := []sandbox.Delivery{}
	for _, one := range s.Deliveries() {
		if fits(r.query.Get("reference"), one.Reference) && fits(r.query.Get("event"), one.Event) {
			shown = append(shown, one)
		}
	}
	show(ctx, shown)
}

func (s *Server) showFaults(ctx *fasthttp.RequestCtx) {
	show(ctx, struct {
		Rules  []sandbox.Fault      `json:"rules"`
		Counts []sandbox.FaultCount `json:"counts"`
	}{s.faults.Rules(), s.faults.Counts()})
}

// addFaults takes one rule or a list of them; a misspelt field is refused, so
// that a chaos script cannot test nothing.
func (s *Server) addFaults(ctx *fasthttp.RequestCtx, r *request) {
	body := bytes.TrimSpace(r.body)
	if len(body) > 0 && body[0] == '{' {
		body = append(append([]byte{'['}, body...), ']')
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var rules []sandbox.Fault
	err := decoder.Decode(&rules)
	if err == nil {
		err = s.faults.Add(rules...)
	}
	if err != nil {
		write(ctx, invalidParams(err.Error()))
		return
	}
	s.showFaults(ctx)
}

// A darkness asked for over HTTP ends by itself: with the port closed, nobody
// can ask for light.
const darkMillisMax = 10 * 60 * 1000

// darken takes {"mode": "refused" | "cut" | "off", "for_millis": 5000}. The
// answer to "refused" is sent before the port closes.
func (s *Server) darken(ctx *fasthttp.RequestCtx, r *request) {
	var body struct {
		Mode   string `json:"mode"`
		Millis int    `json:"for_millis"`
	}
	if json.Unmarshal(r.body, &body) != nil || body.Millis < 0 || body.Millis > darkMillisMax {
		write(ctx, errBody)
		return
	}
	lit := func() {
		until := s.clock.Now().Add(time.Duration(body.Millis) * time.Millisecond)
		s.agenda.At(until, func() { _ = s.Shine() }) // a port taken meanwhile stays dark
	}
	switch {
	case body.Mode == "off":
		if s.Shine() != nil {
			write(ctx, errServer)
			return
		}
	case body.Mode == "cut":
		s.Cut()
		if body.Millis > 0 {
			lit()
		}
	case body.Mode == "refused" && body.Millis > 0:
		// fasthttp sends the answer before it hands over the connection.
		ctx.Hijack(func(net.Conn) {
			s.Refuse()
			lit()
		})
	default:
		write(ctx, invalidParams("mode is refused (with for_millis), cut or off"))
		return
	}
	show(ctx, struct {
		Mode string `json:"mode"`
	}{body.Mode})
}
