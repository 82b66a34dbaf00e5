package paystack

import (
	"encoding/json"
	"slices"
	"time"
)

// Whoever pays from a wallet on the page does it from the published test number
// (Paystack docs, Test payments).
const (
	pageProvider = "orange"
	pagePhone    = "0700000000"
)

// initialize is POST /transaction/initialize: a hosted page, for cards unless wallets
// alone are asked for.
func (s *Server) initialize(r *request) answer {
	var body chargeRequest
	if json.Unmarshal(r.body, &body) != nil {
		return errBody
	}
	if body.Email == "" {
		return errInitializeEmail
	}
	if body.Callback != "" && !webAddress(body.Callback) {
		return invalidParams("Callback URL is invalid")
	}
	row, refused := s.newCharge(r, body)
	if refused != nil {
		return *refused
	}
	// Nobody has completed it, which is what abandoned says (Paystack docs, Verify
	// Payments). It waits for a person for as long as the sandbox lives.
	row.Hosted, row.Channel, row.Callback, row.Status = true, channelCard, body.Callback, abandoned
	if slices.Equal(body.Channels, []string{channelMobileMoney}) {
		row.Channel, row.Provider, row.Phone = channelMobileMoney, pageProvider, pagePhone
	}
	return s.update(func(c *change) answer {
		if refused := c.admit(row); refused != nil {
			return *refused
		}
		c.saveCharge(row)
		return ok("Authorization URL created", struct {
			URL       string `json:"authorization_url"`
			Code      string `json:"access_code"`
			Reference string `json:"reference"`
		}{r.base(s) + pagePath + row.Code, row.Code, row.Reference})
	})
}

// verifyStatus is a charge's status in verify's vocabulary.
func (s *Server) verifyStatus(row *charge) string {
	switch row.Status {
	case sendOTP, payOffline, openURL:
		return ongoing
	case timeout:
		return s.cfg.Guesses.TimeoutVerifiesAs
	default:
		return row.Status
	}
}

// verify is GET /transaction/verify/:reference: 200 whatever became of it.
func (s *Server) verify(r *request) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.visibleAt(r.domain, r.arg, now)
		if !found {
			return unknownTransaction(s.cfg.Guesses.UnknownCode)
		}
		return ok("Verification successful", verifiedTransaction{
			transactionCore: s.coreOf(row), Date: stamp(row.CreatedAt),
		})
	})
}

// fetchTransaction is GET /transaction/:id, with the numeric id only.
func (s *Server) fetchTransaction(r *request) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.charges.find("id:" + r.domain + ":" + r.arg)
		if !found || now.Before(row.HiddenTo) {
			return unknownTransaction(s.cfg.Guesses.UnknownCode)
		}
		core := s.coreOf(row)
		core.Plan, core.Source = empty{}, source{Type: "api", Source: "merchant_api"}
		return ok("Transaction retrieved", fetchedTransaction{transactionCore: core})
	})
}

// source says through what a transaction came.
type source struct {
	Source     string `json:"source"`
	Type       string `json:"type"`
	Identifier any    `json:"identifier"`
}

type listedSource struct {
	source
	Entry string `json:"entry_point"`
}

// listTransactions is GET /transaction, newest first.
func (s *Server) listTransactions(r *request) answer {
	amount := r.query.Get("amount")
	return s.read(func(now time.Time) answer {
		p, refused := pageOf(r)
		if refused != nil {
			return *refused
		}
		var volume int64
		rows, meta := pick(p, s.charges.rows, func(row *charge) (uint64, time.Time, bool) {
			fits := row.Domain == r.domain && !now.Before(row.HiddenTo) &&
				fits(r.query.Get("status"), s.verifyStatus(row)) && fits(amount, decimal(row.Amount))
			if fits && p.within(row.CreatedAt) {
				volume += row.Amount
			}
			return row.ID, row.CreatedAt, fits
		})
		meta.setVolume(volume)
		listed := make([]listedTransaction, len(rows))
		for i, row := range rows {
			core := s.coreOf(row)
			core.Customer = s.customerOf(row.Email)
			core.Plan = empty{}
			entry := "charge"
			if row.Hosted {
				entry = "transaction_initialize"
			}
			core.Source = listedSource{source{Source: "merchant_api", Type: "api"}, entry}
			listed[i] = listedTransaction{transactionCore: core}
		}
		return list("Transactions retrieved", listed, meta)
	})
}
