package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/persistence"
)

// AccessSettings say who may call, and as whom these commands do.
type AccessSettings struct {
	APIKey      secret.Secret  `name:"api-key" env:"CAURI_API_KEY" placeholder:"KEY" help:"A bearer key of the platform's that has every scope, beside those that cauri keys makes. Absent: those alone."`
	KeyPeppers  []secret.Named `name:"key-peppers" env:"CAURI_KEY_PEPPERS" placeholder:"ID:SECRET,…" help:"What API keys are hashed with before they are kept: 32 random bytes or more. The last one makes new keys; one is kept as long as keys were made with it."`
	TokenKeys   []secret.Named `name:"token-keys" env:"CAURI_TOKEN_KEYS" placeholder:"KID:KEY,…" help:"Public keys that the platform signs its payers' and talents' tokens with: base64 of the DER, Ed25519 or P-256. Absent: no tokens are taken."`
	TokenIssuer string         `name:"token-issuer" env:"CAURI_TOKEN_ISSUER" default:"platform" placeholder:"ISSUER" help:"What these tokens name as their issuer."`

	APIURL   string        `name:"api-url" env:"CAURI_API_URL" placeholder:"URL" help:"The engine that payment, escrow and payout ask. Absent: the one at CAURI_HTTP_ADDR."`
	StaffKey secret.Secret `name:"staff-key" env:"CAURI_STAFF_KEY" placeholder:"KEY" help:"Your own key, cs_…, for what payment, escrow and payout do."`
}

// developmentPepper is a developer's. Production refuses it.
const developmentPepper = "cauri-development-pepper-no-secret-at-all"

// thePlatform is whose payments an engine has (docs/adr/0023).
const thePlatform = "platform"

const (
	// secretLengthMin is 32 random bytes in the shortest usual spelling, base64.
	secretLengthMin = 43
	// secretLettersMin tells a random text of that length from one that was made up:
	// 43 of base64's letters are fewer than 20 different ones once in 10^8.
	secretLettersMin = 16
)

// guessable says what is wrong with a secret that people make themselves.
func guessable(s secret.Secret) error {
	text, letters := s.Reveal(), map[rune]bool{}
	for _, letter := range text {
		letters[letter] = true
	}
	if len(text) < secretLengthMin || len(letters) < secretLettersMin {
		return fmt.Errorf("is guessable: 32 random bytes at least, as openssl rand -base64 33 makes them")
	}
	return nil
}

// access is what the edge is told of who may call.
type access struct {
	keys      []http.Key
	peppers   *secret.List
	tokenKeys *secret.List // nil: no tokens are taken
}

func (s *Settings) access() (a access, err error) {
	if !s.APIKey.IsZero() {
		key, err := http.NewKey("configured", thePlatform, s.APIKey.Reveal())
		if err != nil {
			return a, err
		}
		a.keys = append(a.keys, key)
	}
	if len(s.KeyPeppers) > 0 { // a test's settings may have the one key alone
		if a.peppers, err = s.peppers(); err != nil {
			return a, err
		}
	}
	switch {
	case len(s.TokenKeys) > 0:
		a.tokenKeys, err = listed(s.TokenKeys, time.Now())
	case s.SecretsFile != "":
		a.tokenKeys = &secret.List{} // the file may bring some
	}
	return a, err
}

// rekeys are of the peppers and of the token keys.
func (a access) rekeys() (all []rekey) {
	for _, list := range []struct {
		purpose string
		of      func(*Settings) []secret.Named
		stands  *secret.List
	}{
		{purposePeppers, func(s *Settings) []secret.Named { return s.KeyPeppers }, a.peppers},
		{purposeTokens, func(s *Settings) []secret.Named { return s.TokenKeys }, a.tokenKeys},
	} {
		apply := func(s *Settings, to *secret.List) error {
			if list.stands == nil || (len(list.of(s)) == 0 && len(list.stands.All()) == 0) {
				return nil
			}
			read, err := listed(list.of(s), time.Now())
			if err == nil && to != nil {
				err = to.Replace(read.All(), time.Now())
			}
			if err != nil {
				return fmt.Errorf("%s: %w", list.purpose, err)
			}
			return nil
		}
		all = append(all, rekey{
			check: func(s *Settings) error { return apply(s, nil) },
			stand: func(s *Settings) error { return apply(s, list.stands) },
		})
	}
	return all
}

// peppers is the list, the last of the setting as the newest.
func (s *Settings) peppers() (*secret.List, error) { return listed(s.KeyPeppers, time.Now()) }

// listed makes a list of a setting: what is written last is the newest.
func listed(setting []secret.Named, now time.Time) (*secret.List, error) {
	newestFirst := make([]secret.Named, 0, len(setting))
	for i := len(setting) - 1; i >= 0; i-- {
		newestFirst = append(newestFirst, setting[i])
	}
	return secret.NewList(newestFirst, now)
}

func (s *Settings) requireAccess() (faults Misconfigured) {
	now := time.Now()
	for _, list := range []struct {
		name   string
		of     []secret.Named
		absent string
	}{
		{"CAURI_KEY_PEPPERS", s.KeyPeppers, "is missing: write p1: and what openssl rand -base64 33 makes"},
		{"CAURI_TOKEN_KEYS", s.TokenKeys, ""},
	} {
		switch _, err := listed(list.of, now); {
		case len(list.of) == 0 && list.absent == "":
		case len(list.of) == 0:
			faults = append(faults, list.name+" "+list.absent)
		case err != nil:
			faults = append(faults, fmt.Sprintf("%s: %v", list.name, err))
		}
	}
	for _, key := range s.TokenKeys {
		if _, _, err := http.ReadTokenKey(key.Value); err != nil && secret.IsID(key.ID) { // else it is misspelt, and told above
			faults = append(faults, fmt.Sprintf("CAURI_TOKEN_KEYS: %s is %v", key.ID, err))
		}
	}
	if s.TokenIssuer == "" && len(s.TokenKeys) > 0 {
		faults = append(faults, "CAURI_TOKEN_ISSUER is empty: anybody's tokens would do")
	}
	if s.Env != Production {
		return faults
	}
	for _, pepper := range s.KeyPeppers {
		switch err := guessable(pepper.Value); {
		case !secret.IsID(pepper.ID): // told above
		case pepper.Value.Reveal() == developmentPepper:
			faults = append(faults, "CAURI_KEY_PEPPERS: "+pepper.ID+" is the developers': openssl rand -base64 33 makes one")
		case err != nil:
			faults = append(faults, "CAURI_KEY_PEPPERS: "+pepper.ID+" "+err.Error())
		}
	}
	if err := guessable(s.APIKey); !s.APIKey.IsZero() && err != nil {
		faults = append(faults, "CAURI_API_KEY "+err.Error())
	}
	return faults
}

// assumeAccess is what a developer need not set.
func (s *Settings) assumeAccess() {
	if s.APIKey.IsZero() {
		s.APIKey = secret.New(developmentAPIKey)
	}
	if len(s.KeyPeppers) == 0 {
		s.KeyPeppers = []secret.Named{{ID: "development", Value: secret.New(developmentPepper)}}
	}
}

// keyMode is which money the keys of this engine move.
func (s *Settings) keyMode() http.KeyMode {
	if s.Env == Production {
		return http.LiveKeys
	}
	return http.TestKeys
}

// ours are names of settings; injected are lines that a container's keeper makes of the
// name of a service, which may be ours: known by what they say as well as by their name.
var (
	ours     = regexp.MustCompile(`^(CAURI|PAYSTACK|FEDAPAY)_`)
	injected = regexp.MustCompile(`_(SERVICE_HOST|PORT_[0-9]+_(TCP|UDP)_ADDR)=[0-9a-f.:]+$|` +
		`_(SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP)_PORT)=[0-9]+$|` +
		`_PORT(_[0-9]+_(TCP|UDP))?=(tcp|udp)://[0-9a-f.:\[\]]+$|_PORT_[0-9]+_(TCP|UDP)_PROTO=(tcp|udp)$|_NAME=/[a-z0-9_./-]+$`)
)

// requireKnown refuses variables that look like settings and are none: a limit that is
// misspelt holds nothing, and there is no setting by which a signature is not checked, a
// fault is made or the clock is moved. In production alone: elsewhere it is a nuisance.
func (s *Settings) requireKnown(environment []string) (faults Misconfigured) {
	if s.Env != Production {
		return nil
	}
	known := settingNames()
	for _, line := range environment {
		name, _, _ := strings.Cut(line, "=")
		if ours.MatchString(name) && !injected.MatchString(line) && !known[name] {
			faults = append(faults, name+" is no setting of ours: take it away (cauri serve --help lists them)")
		}
	}
	return faults
}

// requireDatabase refuses, in production, a private PostgreSQL and one whose passwords
// and payments could be read on their way (S-23).
func (s *Settings) requireDatabase() Misconfigured {
	if s.Env != Production {
		return nil
	}
	if s.DatabaseURL == "" {
		return Misconfigured{"DATABASE_URL is missing: production does not run on a private PostgreSQL"}
	}
	if err := persistence.CheckAddress(s.DatabaseURL); err != nil {
		return Misconfigured{err.Error()}
	}
	return nil
}
