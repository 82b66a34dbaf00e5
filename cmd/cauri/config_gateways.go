package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/fedapay"
	"github.com/bookmi/cauri/gateways/paystack"
	"github.com/bookmi/cauri/internal/secret"
)

// What must hold of the two doors together, and which routes there are.

func isLiveKey(key secret.Secret) bool { return strings.HasPrefix(key.Reveal(), "sk_live_") }

// hasSecondDoor reports that FedaPay is configured.
func (s *Settings) hasSecondDoor() bool { return !s.FedaPaySecretKey.IsZero() }

// fedapayURL is where FedaPay is: by default the host of its key's environment.
func (s *Settings) fedapayURL() string {
	switch {
	case s.FedaPayBaseURL != "":
		return s.FedaPayBaseURL
	case isLiveKey(s.FedaPaySecretKey):
		return fedapay.LiveURL
	}
	return fedapay.SandboxURL
}

// requireSecondDoor refuses a FedaPay that is half configured, and two doors of
// which one takes real money and the other pretends to: a payment that moved from
// one to the other would be paid for with nothing.
func (s *Settings) requireSecondDoor() (faults Misconfigured) {
	key := s.FedaPaySecretKey.Reveal()
	if key == "" {
		if len(s.FedaPayWebhookSecrets) > 0 {
			faults = append(faults, "FEDAPAY_SECRET_KEY is missing, and FEDAPAY_WEBHOOK_SECRETS is set: set both, or neither")
		}
		return faults
	}
	live := isLiveKey(s.FedaPaySecretKey)
	switch {
	case strings.HasPrefix(key, "pk_"):
		faults = append(faults, "FEDAPAY_SECRET_KEY holds a public key (pk_…): the secret one begins with sk_")
	case !live && !strings.HasPrefix(key, "sk_sandbox_"):
		faults = append(faults, "FEDAPAY_SECRET_KEY begins with neither sk_sandbox_ nor sk_live_")
	case s.Env == Production && !live:
		faults = append(faults, "FEDAPAY_SECRET_KEY is a sandbox key: production takes sk_live_…")
	case live != isLiveKey(s.PaystackSecretKey) && !s.PaystackSecretKey.IsZero():
		faults = append(faults, "FEDAPAY_SECRET_KEY and PAYSTACK_SECRET_KEY are of different environments: "+
			"what one takes is real money, what the other takes is not")
	}
	if len(s.FedaPayWebhookSecrets) == 0 {
		faults = append(faults, "FEDAPAY_WEBHOOK_SECRETS is missing: FedaPay dashboard, Webhooks, the endpoint's wh_…")
	}
	for _, w := range s.FedaPayWebhookSecrets {
		switch wants := map[bool]string{true: "wh_live_", false: "wh_sandbox_"}[live]; {
		case !strings.HasPrefix(w.Reveal(), "wh_"):
			faults = append(faults, "FEDAPAY_WEBHOOK_SECRETS holds something that is no webhook secret: it begins with wh_")
		case !strings.HasPrefix(w.Reveal(), wants):
			faults = append(faults, "FEDAPAY_WEBHOOK_SECRETS holds a secret of another environment than FEDAPAY_SECRET_KEY: it begins with "+wants)
		}
	}
	switch {
	case !fedapay.IsCountry(s.FedaPayPhoneCountry):
		faults = append(faults, "FEDAPAY_PHONE_COUNTRY is two small letters, such as ci")
	case live && s.FedaPayPhoneCountry != ivorian:
		faults = append(faults, "FEDAPAY_PHONE_COUNTRY is "+ivorian+" with a live key: our payers' numbers are Ivorian, "+
			"and told as another country's they are a stranger's")
	}
	faults = append(faults, s.requireWhole("FEDAPAY_SECRET_KEY", s.FedaPaySecretKey)...)
	faults = append(faults, s.requireWhole("FEDAPAY_WEBHOOK_SECRETS", s.FedaPayWebhookSecrets...)...)
	faults = append(faults, s.requireBase("FEDAPAY_BASE_URL", s.fedapayURL())...)
	for address, domain := range map[string]bool{fedapay.LiveURL: true, fedapay.SandboxURL: false} {
		if hostOf(address) == hostOf(s.fedapayURL()) && domain != live {
			faults = append(faults, "FEDAPAY_BASE_URL is the host of the other environment than FEDAPAY_SECRET_KEY's")
		}
	}
	return faults
}

// keyLettersMin is what follows the beginning of any key that a gateway gives: fewer are
// what a cut line has left of one.
const keyLettersMin = 10

// keyBeginning says whose a key is and what money it moves.
var keyBeginning = regexp.MustCompile(`^(sk|wh)_(live_|test_|sandbox_)?`)

// requireWhole refuses, in production, keys of gateways that everybody knows, and what is
// left of one.
func (s *Settings) requireWhole(setting string, keys ...secret.Secret) (faults Misconfigured) {
	for _, key := range keys {
		text := key.Reveal()
		rest := strings.TrimPrefix(text, keyBeginning.FindString(text))
		switch {
		case s.Env != Production || text == "":
		case slices.Contains([]string{developmentPaystackKey, developmentFedaPayKey, developmentFedaPayWebhook}, text):
			faults = append(faults, setting+" holds the developers' key, which everybody knows")
		case len(rest) < keyLettersMin:
			faults = append(faults, setting+" holds the beginning of a key, and no key")
		}
	}
	return faults
}

// hostOf is the name of a machine as the network reads it: without capitals, the port of
// its scheme and the dot at its end.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if port := u.Port(); port != "" && (u.Scheme != "https" || port != "443") {
		host += ":" + port
	}
	return host
}

// isPublicName reports that a name may be a machine of somebody else's: several labels,
// the last of letters. Addresses, in whatever notation, and the names of a container's
// neighbours are none.
func isPublicName(host string) bool {
	return publicName.MatchString(host) && !strings.HasSuffix(host, ".localhost")
}

var publicName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)

// isLocal reports that an address leads to this machine, or to one of its neighbours.
func isLocal(address string) bool {
	name, _, _ := strings.Cut(hostOf(address), ":")
	return !isPublicName(name)
}

// ivorian is where every payer's number is (package phone).
const ivorian = "ci"

// requireBase refuses what is no address of a gateway, and in production what a
// key must not travel to.
func (s *Settings) requireBase(name, address string) Misconfigured {
	base, err := url.Parse(address)
	switch {
	case err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http"):
		return Misconfigured{name + " is no address of a gateway"}
	case s.Env != Production:
	case base.Scheme != "https" || isLocal(address):
		return Misconfigured{name + " must be https and somewhere else in production: a name, not an address or a neighbour"}
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return Misconfigured{name + " is a host, and what is before or behind it does not belong to it"}
	case slices.ContainsFunc(others[name], func(other string) bool { return hostOf(other) == hostOf(address) }):
		return Misconfigured{name + " is the other gateway's: it would be sent this one's key"}
	}
	return nil
}

// others are the addresses of gateways that a setting is not for.
var others = map[string][]string{
	"PAYSTACK_BASE_URL": {fedapay.LiveURL, fedapay.SandboxURL}, "FEDAPAY_BASE_URL": {paystack.BaseURL},
}

// requireReturn refuses a way back that a payer's browser should not take.
func (s *Settings) requireReturn() Misconfigured {
	back, err := url.Parse(s.ReturnURL)
	if err == nil && back.Host != "" && back.User == nil {
		there := back.Scheme == "https" && (s.Env != Production || !isLocal(s.ReturnURL))
		here := s.Env == Development && back.Scheme == "http" && isLoopback(back.Hostname())
		if there || here {
			return nil
		}
	}
	return Misconfigured{"CAURI_RETURN_URL is no https address a payer's browser can be sent to"}
}

// routeName is a line's name in settings: fedapay.orange.hosted, paystack.mtn.payout.
func routeName(r engine.Route) string {
	who, how := string(r.Operator), string(r.Flow)
	if r.Method == engine.Card {
		who = string(engine.Card)
	}
	if r.Direction == engine.Disburse {
		how = "payout"
	}
	return string(r.Gateway) + "." + who + "." + how
}

func routeNames() []string {
	var names []string
	for _, r := range engine.DefaultRoutes() {
		names = append(names, routeName(r))
	}
	return names
}

// Why a route is off.
const (
	offBySetting  = "switched off: CAURI_ROUTES_OFF"
	offNoKey      = "no second door: FEDAPAY_SECRET_KEY is not set"
	offNoModeName = "FEDAPAY_DIRECT_MODES has no mode for it"
)

// routes is the table as configured. What is off stays in it, with its reason.
func (s *Settings) routes() engine.Routes {
	table := engine.DefaultRoutes()
	for i := range table {
		r := &table[i]
		name := routeName(*r)
		switch direct := r.Gateway == engine.FedaPay && r.Flow == engine.Direct; {
		case r.Gateway == engine.FedaPay && !s.hasSecondDoor():
			r.Off = offNoKey
		case slices.Contains(s.RoutesOff, name):
			r.Off = offBySetting
		case direct && s.FedaPayDirectModes != nil && s.FedaPayDirectModes[r.Operator] == "":
			r.Off = offNoModeName
		case slices.Contains(s.RoutesOn, name):
			r.Off = ""
		}
	}
	return table
}

// requireRoutes refuses names that are no line's, and wishes that contradict each
// other or the keys.
func (s *Settings) requireRoutes() (faults Misconfigured) {
	known := routeNames()
	for setting, names := range map[string][]string{"CAURI_ROUTES_ON": s.RoutesOn, "CAURI_ROUTES_OFF": s.RoutesOff} {
		for _, name := range names {
			if !slices.Contains(known, name) {
				faults = append(faults, fmt.Sprintf("%s names %q, which is no line of the route table: %s", setting, name, strings.Join(known, ", ")))
			}
		}
	}
	for _, name := range s.RoutesOn {
		switch {
		case slices.Contains(s.RoutesOff, name):
			faults = append(faults, "CAURI_ROUTES_ON and CAURI_ROUTES_OFF both name "+name)
		case strings.HasPrefix(name, string(engine.FedaPay)+".") && !s.hasSecondDoor():
			faults = append(faults, "CAURI_ROUTES_ON names "+name+", and FEDAPAY_SECRET_KEY is not set")
		}
	}
	direct := func(o phone.Operator) bool {
		return slices.ContainsFunc(engine.DefaultRoutes(), func(r engine.Route) bool {
			return r.Gateway == engine.FedaPay && r.Flow == engine.Direct && r.Operator == o
		})
	}
	for o, mode := range s.FedaPayDirectModes {
		if !direct(o) || mode == "" {
			faults = append(faults, fmt.Sprintf("FEDAPAY_DIRECT_MODES: no route charges %q directly through FedaPay, or its mode is empty", o))
		}
	}
	slices.Sort(faults)
	return faults
}
