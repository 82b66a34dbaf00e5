package fedapay

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/sandbox"
)

// Books is what the domain of the first key holds; BooksOf names another.
func (s *Server) Books() sandbox.Books { return s.BooksOf("") }

// BooksOf is what a domain (sandbox, live) holds now, in francs. Captured is
// what payers were debited: the amount asked and, unless the merchant bears
// them, the fees. Balance is what FedaPay owes the merchant, transferred or not.
func (s *Server) BooksOf(domain string) sandbox.Books {
	domain = or(domain, s.firstDomain())
	s.mu.Lock()
	defer s.mu.Unlock()
	account, known := s.accounts[domain]
	if !known {
		account = sandbox.NewAccount(0)
	}
	b := sandbox.Books{
		Gateway: "fedapay", Domain: domain, Currency: currency, Subunits: subunits,
		Payments: []sandbox.PaymentRow{}, Transfers: []sandbox.TransferRow{}, Refunds: []sandbox.RefundRow{},
	}
	for _, row := range s.transactions.Rows {
		if row.Domain == domain {
			b.Payments = append(b.Payments, sandbox.PaymentRow{
				Reference: row.name(), GatewayID: decimal(row.ID), Status: row.Status, Phone: row.Phone, Asked: row.Amount,
			})
		}
	}
	for _, row := range s.payouts.Rows {
		if row.Domain == domain {
			b.Transfers = append(b.Transfers, sandbox.TransferRow{
				Reference: row.name(), GatewayID: decimal(row.ID), Status: row.Status, Wallet: row.Phone, Asked: row.Amount,
			})
		}
	}
	for _, row := range s.refunds.Rows {
		if row.Domain == domain {
			of, _ := s.transactions.Find(idKey(domain, row.Transaction))
			b.Refunds = append(b.Refunds, sandbox.RefundRow{
				GatewayID: decimal(row.ID), Payment: of.name(), Status: refunded, Amount: row.Amount, Note: row.Note,
			})
		}
	}
	return account.Snapshot(b)
}

// serveOwn serves what only this sandbox has: the hosted page, and what an
// operator does in the dashboard.
func (s *Server) serveOwn(ctx *fasthttp.RequestCtx, r *request) bool {
	domain := or(r.Query.Get("domain"), s.firstDomain())
	switch {
	case strings.HasPrefix(r.Path, pagePath):
		s.servePage(ctx, r)
	case r.Method == fasthttp.MethodPost && r.Path == "/sandbox/refund":
		s.serveRefund(ctx, r, domain)
	case r.Method == fasthttp.MethodGet && r.Path == "/sandbox/endpoint":
		sandbox.Show(ctx, s.endpointOf(domain))
	case r.Method == fasthttp.MethodPost && r.Path == "/sandbox/endpoint":
		s.serveEndpoint(ctx, r, domain)
	default:
		return false
	}
	return true
}

// serveEndpoint takes {"enabled": true, "disable_on_error": false}; what is left
// out stays as it is.
func (s *Server) serveEndpoint(ctx *fasthttp.RequestCtx, r *request, domain string) {
	var body struct {
		Enabled        *bool `json:"enabled"`
		DisableOnError *bool `json:"disable_on_error"`
	}
	decoder := json.NewDecoder(bytes.NewReader(r.Body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&body) != nil {
		sandbox.Deny(ctx, fasthttp.StatusBadRequest, "the body is not as documented")
		return
	}
	s.switchEndpoint(domain, func(e *endpoint) {
		if body.DisableOnError != nil {
			e.DisableOnError = *body.DisableOnError
		}
		if body.Enabled != nil {
			e.Enabled, e.Failures = *body.Enabled, 0
		}
	})
	sandbox.Show(ctx, s.endpointOf(domain))
}
