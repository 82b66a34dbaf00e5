package fedapay

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Modes: what a wallet or a card is paid through.
const (
	mtnCI    = "mtn_ci"
	card     = "stripe_gw"
	momoTest = "momo_test" // FedaPay's simulator: of the sandbox domain alone
)

// knownModes are those XOF has, whoever may use them: the list proves nothing
// about an account.
var knownModes = []string{
	"mtn", "cybersource", "moov", "mtn_ci", "moov_tg", "orange_ci", "orange_sn", "free_sn", "airtel_ne", "togocel",
	"orange_ml", "mtn_open", "mtn_ecw", "ecobank_tpe", "orabank_tpe", "uba", "stripe_gw", "uba_atm", "bmo", "mtn_open_ci",
	"sbin", momoTest,
}

// modesOf are those and what a configuration adds.
func modesOf(c Config) []string {
	all := slices.Clone(knownModes)
	for _, mode := range slices.Concat(c.Direct[domainSandbox], c.Direct[domainLive], c.Hosted, c.Payouts) {
		if !slices.Contains(all, mode) {
			all = append(all, mode)
		}
	}
	return all
}

// hostedModes are what the page of a domain offers.
func (s *Server) hostedModes(domain string) []string {
	if domain == domainSandbox {
		return append([]string{momoTest}, s.cfg.Hosted...)
	}
	return s.cfg.Hosted
}

// payoutModes are what a domain may be paid out to.
func (s *Server) payoutModes(domain string) []string {
	if domain == domainLive {
		return slices.DeleteFunc(slices.Clone(s.cfg.Payouts), func(mode string) bool { return mode == momoTest })
	}
	return s.cfg.Payouts
}

// underWay is the pot of what is approved and not yet transferred.
func underWay(mode string) string { return mode + " under way" }

// settled is what a mode's balance holds, in francs.
func (s *Server) settled(domain, mode string) int64 {
	amount := s.accounts[domain].Pot(mode)
	if mode == mtnCI {
		amount += s.cfg.Float
	}
	return amount
}

// spendable is what a payout of a mode may draw on.
func (s *Server) spendable(domain, mode string) int64 {
	if !s.cfg.Guesses.OneBalance {
		return s.settled(domain, mode)
	}
	var all int64
	for _, m := range s.modes {
		all += s.settled(domain, m)
	}
	return all
}

// balanceShape is one of GET /v1/balances: a balance per mode.
type balanceShape struct {
	Klass     string `json:"klass"`
	ID        int    `json:"id"`
	Amount    int64  `json:"amount"`
	Mode      string `json:"mode"`
	CreatedAt stamp  `json:"created_at"`
	UpdatedAt stamp  `json:"updated_at"`
}

const firstBalanceID = 142_431

// balanceID tells a mode's balance from the others'. It depends on its name
// alone, so that it is the same in each life of the books.
func balanceID(mode string) int {
	if i := slices.Index(knownModes, mode); i >= 0 {
		return firstBalanceID + i
	}
	id := firstBalanceID + len(knownModes)
	for _, b := range []byte(mode) {
		id += int(b) // modes added by hand are few: sums that meet would be seen
	}
	return id
}

func (s *Server) balanceShapeOf(domain, mode string) balanceShape {
	made := stamp(time.Date(2026, 1, 27, 17, 22, 46, 960_000_000, time.UTC))
	return balanceShape{"v1/balance", balanceID(mode), s.settled(domain, mode), mode, made, made}
}

// balancesOf are those of the modes a domain may use.
func (s *Server) balancesOf(domain string) []balanceShape {
	var shapes []balanceShape
	seen := map[string]bool{}
	for _, mode := range slices.Concat(s.hostedModes(domain), s.cfg.Direct[domain], s.payoutModes(domain)) {
		if !seen[mode] {
			seen[mode] = true
			shapes = append(shapes, s.balanceShapeOf(domain, mode))
		}
	}
	return shapes
}

// listBalances is GET /v1/balances.
func (s *Server) listBalances(r *request) answer {
	return s.read(func(time.Time) answer { return wrapped("v1/balances", s.balancesOf(r.Domain)) })
}

// fetchBalance is GET /v1/balances/{id}.
func (s *Server) fetchBalance(r *request) answer {
	return s.read(func(time.Time) answer {
		all := s.balancesOf(r.Domain)
		i := slices.IndexFunc(all, func(b balanceShape) bool { return decimal(b.ID) == r.Arg })
		if i < 0 {
			return errNotFound
		}
		return wrapped("v1/balance", all[i])
	})
}

// currencyShape is XOF.
type currencyShape struct {
	Klass     string   `json:"klass"`
	ID        int      `json:"id"`
	Name      string   `json:"name"`
	ISO       string   `json:"iso"`
	Code      int      `json:"code"`
	Prefix    text     `json:"prefix"`
	Suffix    string   `json:"suffix"`
	Div       int      `json:"div"`
	Default   bool     `json:"default"`
	CreatedAt stamp    `json:"created_at"`
	UpdatedAt stamp    `json:"updated_at"`
	Modes     []string `json:"modes"`
}

func (s *Server) currency() currencyShape {
	return currencyShape{
		Klass: "v1/currency", ID: currencyID, Name: "FCFA", ISO: currency, Code: currencyCode, Suffix: "CFA", Div: subunits,
		Default: true, CreatedAt: stamp(time.Date(2018, 5, 27, 21, 26, 23, 618_000_000, time.UTC)),
		UpdatedAt: stamp(time.Date(2023, 4, 25, 13, 45, 49, 805_000_000, time.UTC)), Modes: s.modes,
	}
}

// listCurrencies is GET /v1/currencies.
func (s *Server) listCurrencies(*request) answer {
	return wrapped("v1/currencies", []currencyShape{s.currency()})
}

// fetchCurrency is GET /v1/currencies/{id}.
func (s *Server) fetchCurrency(r *request) answer {
	if r.Arg != strconv.Itoa(currencyID) {
		return errNotFound
	}
	return wrapped("v1/currency", s.currency())
}

const perMille = 1000

// feesOf is what FedaPay keeps of an amount, what the payer is debited, and
// what reaches the merchant. On top, the debit is such that the commission of it
// leaves the amount; fractions of a franc are dropped. Three samples agree, the
// rule itself is not documented.
func (s *Server) feesOf(amount int64) (fees, debited, net int64) {
	rate := s.cfg.Guesses.CommissionPerMille
	if s.cfg.Guesses.FeesOnMerchant {
		fees = amount * rate / perMille
		return fees, amount, amount - fees
	}
	debited = amount * perMille / (perMille - rate)
	return debited - amount, debited, amount
}

// commission is the rate as transactions spell it: "0.04".
func (s *Server) commission() string {
	exact := fmt.Sprintf("0.%03d", s.cfg.Guesses.CommissionPerMille)
	return strings.TrimSuffix(strings.TrimRight(exact, "0"), ".")
}
