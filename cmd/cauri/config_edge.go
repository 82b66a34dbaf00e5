package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"

	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/http"
)

// EdgeSettings are those of the public door: who is believed, and how often is too
// often.
type EdgeSettings struct {
	TrustedProxies []string `name:"trusted-proxies" env:"CAURI_TRUSTED_PROXIES" placeholder:"NETWORK,…" help:"Proxies of yours, as addresses or networks: they may say in X-Forwarded-For for whom they come, and have any number of connections."`

	PaystackSources         []string `name:"paystack-source-addresses" env:"PAYSTACK_SOURCE_ADDRESSES" placeholder:"NETWORK,…" help:"Where Paystack's webhooks come from. Absent: the three addresses it publishes, when PAYSTACK_BASE_URL is Paystack's own."`
	PaystackSourcesEnforced bool     `name:"paystack-source-addresses-enforced" env:"PAYSTACK_SOURCE_ADDRESSES_ENFORCED" help:"Refuse signed webhooks of Paystack from elsewhere; else they are counted, and warned of."`
	FedaPaySources          []string `name:"fedapay-source-addresses" env:"FEDAPAY_SOURCE_ADDRESSES" placeholder:"NETWORK,…" help:"Where FedaPay's webhooks come from. It publishes nothing: ask them."`
	FedaPaySourcesEnforced  bool     `name:"fedapay-source-addresses-enforced" env:"FEDAPAY_SOURCE_ADDRESSES_ENFORCED" help:"Refuse signed webhooks of FedaPay from elsewhere."`

	RatePerKey       http.Rate `name:"rate-per-key" env:"CAURI_RATE_PER_KEY" default:"200/1s" placeholder:"N/TIME" help:"Requests of one platform to one node, or off."`
	RatePerPerson    http.Rate `name:"rate-per-person" env:"CAURI_RATE_PER_PERSON" default:"300/1m" placeholder:"N/TIME" help:"Requests of one payer or talent to one node, or off."`
	RatePerAddress   http.Rate `name:"rate-per-address" env:"CAURI_RATE_PER_ADDRESS" default:"20/1s" placeholder:"N/TIME" help:"Requests from one address for what needs no key, to one node, or off."`
	FailuresPerAddr  http.Rate `name:"failures-per-address" env:"CAURI_FAILURES_PER_ADDRESS" default:"30/1m" placeholder:"N/TIME" help:"Wrong keys and signatures from one address, to one node, or off."`
	StartsPerPhone   http.Rate `name:"starts-per-phone" env:"CAURI_STARTS_PER_PHONE" default:"5/10m" placeholder:"N/TIME" help:"Payments that ask one phone, on all nodes, or off."`
	StartsPerBooking http.Rate `name:"starts-per-booking" env:"CAURI_STARTS_PER_BOOKING" default:"10/10m" placeholder:"N/TIME" help:"Payments of one booking, on all nodes, or off."`
	CodesPerPhone    http.Rate `name:"codes-per-phone" env:"CAURI_CODES_PER_PHONE" default:"5/10m" placeholder:"N/TIME" help:"Codes typed for one phone, on all nodes, or off."`
}

// publishedSources are what Paystack's webhooks come from, test and live (Paystack
// docs, Webhooks, IP whitelisting).
var publishedSources = []string{"52.31.139.75", "52.49.173.169", "52.214.14.220"}

// paystackSources is where Paystack's webhooks come from. The simulated gateway's come
// from nowhere in particular.
func (s *Settings) paystackSources() []string {
	base, err := url.Parse(s.PaystackBaseURL)
	real, _ := url.Parse(paystack.BaseURL)
	if len(s.PaystackSources) == 0 && err == nil && base.Host == real.Host {
		return publishedSources
	}
	return s.PaystackSources
}

// networks is a list that requireEdge has read before.
func networks(spelled []string) []netip.Prefix {
	read, _ := http.ParseNetworks(spelled)
	return read
}

func (s *Settings) rates() http.Rates {
	return http.Rates{
		Key: s.RatePerKey, Person: s.RatePerPerson, Address: s.RatePerAddress, Failures: s.FailuresPerAddr,
		StartsPerPhone: s.StartsPerPhone, StartsPerBooking: s.StartsPerBooking, CodesPerPhone: s.CodesPerPhone,
	}
}

// unlimited is for the load of our own making: one key, few phones, one machine.
func (s *Settings) unlimited() {
	s.RatePerKey, s.RatePerPerson, s.RatePerAddress, s.FailuresPerAddr = http.Rate{}, http.Rate{}, http.Rate{}, http.Rate{}
	s.StartsPerPhone, s.StartsPerBooking, s.CodesPerPhone = http.Rate{}, http.Rate{}, http.Rate{}
}

// requireEdge refuses lists that can't be read, and in production a door that
// believes everybody or counts nobody.
func (s *Settings) requireEdge() (faults Misconfigured) {
	for _, list := range []struct {
		name     string
		spelled  []string
		enforced bool
	}{
		{"CAURI_TRUSTED_PROXIES", s.TrustedProxies, false},
		{"PAYSTACK_SOURCE_ADDRESSES", s.paystackSources(), s.PaystackSourcesEnforced},
		{"FEDAPAY_SOURCE_ADDRESSES", s.FedaPaySources, s.FedaPaySourcesEnforced},
	} {
		read, err := http.ParseNetworks(list.spelled)
		switch {
		case err != nil:
			faults = append(faults, fmt.Sprintf("%s: %v", list.name, err))
		case list.enforced && len(read) == 0:
			faults = append(faults, list.name+"_ENFORCED is set, and "+list.name+" is empty: no webhook would be taken")
		case s.Env == Production && http.Everybody(read) != nil:
			faults = append(faults, fmt.Sprintf("%s: %v", list.name, http.Everybody(read)))
		}
	}
	if s.Env != Production {
		return faults
	}
	for _, limit := range []struct {
		name string
		rate http.Rate
	}{
		{"CAURI_RATE_PER_KEY", s.RatePerKey}, {"CAURI_RATE_PER_PERSON", s.RatePerPerson}, {"CAURI_RATE_PER_ADDRESS", s.RatePerAddress},
		{"CAURI_FAILURES_PER_ADDRESS", s.FailuresPerAddr}, {"CAURI_STARTS_PER_PHONE", s.StartsPerPhone},
		{"CAURI_STARTS_PER_BOOKING", s.StartsPerBooking}, {"CAURI_CODES_PER_PHONE", s.CodesPerPhone},
	} {
		if limit.rate.IsZero() {
			faults = append(faults, limit.name+" is off: production counts")
		}
	}
	for name, rate := range map[string]http.Rate{"CAURI_STARTS_PER_PHONE": s.StartsPerPhone, "CAURI_CODES_PER_PHONE": s.CodesPerPhone} {
		if float64(rate.Most) > phoneHourMax*rate.Within.Hours() {
			faults = append(faults, fmt.Sprintf("%s lets one phone be flooded: at most %d an hour", name, phoneHourMax))
		}
	}
	slices.Sort(faults)
	return faults
}

// phoneHourMax is twelve times the default: whatever is above it limits nobody.
const phoneHourMax = 360

// warnOfProxies tells whoever runs a production on a loopback address that all its
// clients look like this machine: their addresses have no limits.
func (a *app) warnOfProxies() {
	host, _, err := net.SplitHostPort(a.settings.HTTPAddr)
	if err == nil && a.settings.Env == Production && isLoopback(host) && len(a.settings.TrustedProxies) == 0 {
		a.log.Warn("every client comes from this machine, and no limit per address holds: name the proxy in front",
			"setting", "CAURI_TRUSTED_PROXIES")
	}
}
