package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/internal/secret"
)

// SecretSettings are secrets that may change while the engine runs.
type SecretSettings struct {
	SecretsFile string `name:"secrets-file" env:"CAURI_SECRETS_FILE" placeholder:"FILE" help:"Gateways' keys, webhook secrets, peppers and token keys as lists that overlap, in JSON; read again when it changes and on SIGHUP. What it lists takes the place of that setting."`

	// lists are what the file says, by purpose.
	Lists map[string][]secret.Named `kong:"-"`
	// Digest is of the file as it was read.
	Digest [sha256.Size]byte `kong:"-"`
	// Typed are the flags that stood on the command line.
	Typed []string `kong:"-"`
	// Open says that everybody on the machine may read the file.
	Open bool `kong:"-"`
}

// The purposes of a secrets file.
const (
	purposePaystack        = "paystack_secret_key"
	purposeFedaPay         = "fedapay_secret_key"
	purposeFedaPayWebhooks = "fedapay_webhook_secrets"
	purposePeppers         = "key_peppers"
	purposeTokens          = "token_keys"
)

var purposes = []string{purposePaystack, purposeFedaPay, purposeFedaPayWebhooks, purposePeppers, purposeTokens}

// requireUntyped refuses, in production, secrets on the command line: everybody on the
// machine reads it, and its shell remembers.
func (s *Settings) requireUntyped() (faults Misconfigured) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		flag := field.Tag.Get("name")
		isSecret := strings.HasPrefix(strings.TrimPrefix(field.Type.String(), "[]"), "secret.") || flag == "database-url"
		if s.Env == Production && isSecret && slices.Contains(s.Typed, flag) {
			faults = append(faults, fmt.Sprintf("--%s stands on the command line, where everybody on the machine reads it: set %s",
				flag, field.Tag.Get("env")))
		}
	}
	return faults
}

// readSecrets takes in the file, when there is one, so that all that is required of
// secrets is required of its own. Its faults hold no value.
func (s *Settings) readSecrets() Misconfigured {
	if s.SecretsFile == "" {
		return nil
	}
	text, mode, err := readLimited(s.SecretsFile)
	if err != nil {
		return Misconfigured{"CAURI_SECRETS_FILE can't be read: " + err.Error()}
	}
	if s.Open = mode&everybodyReads != 0; s.Open && s.Env == Production {
		return Misconfigured{fmt.Sprintf("CAURI_SECRETS_FILE: everybody on the machine may read it (%s): chmod o-r", mode)}
	}
	s.Digest = sha256.Sum256(text)
	if s.Lists, err = parseSecrets(text); err != nil {
		return Misconfigured{"CAURI_SECRETS_FILE: " + err.Error()}
	}
	now := time.Now()
	for _, purpose := range slices.Sorted(maps.Keys(s.Lists)) {
		if _, err := listed(s.Lists[purpose], now); err != nil {
			return Misconfigured{fmt.Sprintf("CAURI_SECRETS_FILE: %s: %v", purpose, err)}
		}
	}
	s.takeIn(now)
	faults := s.requireOneEnvironment()
	for _, purpose := range []string{purposePaystack, purposeFedaPay, purposeFedaPayWebhooks} {
		for _, n := range s.Lists[purpose] { // also those whose time has not come
			faults = append(faults, s.requireWhole("CAURI_SECRETS_FILE: "+purpose+": "+n.ID, n.Value)...)
		}
	}
	return faults
}

// requireOneEnvironment refuses keys of both environments in one list: what is required
// of the newest would not be of those that verify beside it or come after it.
func (s *Settings) requireOneEnvironment() (faults Misconfigured) {
	for _, list := range []struct {
		purpose, setting string
		newest           secret.Secret
	}{
		{purposePaystack, "PAYSTACK_SECRET_KEY", s.PaystackSecretKey}, {purposeFedaPay, "FEDAPAY_SECRET_KEY", s.FedaPaySecretKey},
	} {
		for _, n := range s.Lists[list.purpose] {
			if kind(n.Value) != kind(list.newest) {
				faults = append(faults, fmt.Sprintf("CAURI_SECRETS_FILE: %s: %s is of another kind than the newest, which is the %s",
					list.purpose, n.ID, list.setting))
			}
		}
	}
	return faults
}

// kind is the public beginning of a gateway's key: whose it is and what money it moves.
func kind(key secret.Secret) string {
	for _, prefix := range []string{"sk_live_", "sk_test_", "sk_sandbox_"} {
		if strings.HasPrefix(key.Reveal(), prefix) {
			return prefix
		}
	}
	return ""
}

// takeIn puts what the file lists in the settings' place: those that are valid, the
// newest where there is one.
func (s *Settings) takeIn(now time.Time) {
	values := func(purpose string) (all []secret.Secret) {
		for _, n := range s.newestFirst(purpose) {
			if n.Valid(now) {
				all = append(all, n.Value)
			}
		}
		return all
	}
	if keys := values(purposePaystack); len(keys) > 0 {
		s.PaystackSecretKey, s.PaystackPreviousKeys = keys[0], keys[1:]
	}
	if keys := values(purposeFedaPay); len(keys) > 0 {
		s.FedaPaySecretKey = keys[0]
	}
	if secrets := values(purposeFedaPayWebhooks); len(secrets) > 0 {
		s.FedaPayWebhookSecrets = secrets
	}
	if list, has := s.Lists[purposePeppers]; has {
		s.KeyPeppers = list
	}
	if list, has := s.Lists[purposeTokens]; has {
		s.TokenKeys = list
	}
}

// newestFirst is a list of the file's in the order of secret.List.
func (s *Settings) newestFirst(purpose string) []secret.Named {
	list, err := listed(s.Lists[purpose], time.Now())
	if err != nil {
		return nil
	}
	return list.All()
}

// paystackKeys are those that webhooks of Paystack's may be signed with.
func (s *Settings) paystackKeys() []secret.Named {
	if _, has := s.Lists[purposePaystack]; has {
		return s.newestFirst(purposePaystack)
	}
	keys := []secret.Named{{ID: "current", Value: s.PaystackSecretKey}}
	for i, previous := range s.PaystackPreviousKeys {
		keys = append(keys, secret.Named{ID: fmt.Sprintf("previous-%d", i+1), Value: previous})
	}
	return keys
}

// fedapaySecrets are those that webhooks of FedaPay's may be signed with.
func (s *Settings) fedapaySecrets() []secret.Named {
	if _, has := s.Lists[purposeFedaPayWebhooks]; has {
		return s.newestFirst(purposeFedaPayWebhooks)
	}
	var secrets []secret.Named
	for i, value := range s.FedaPayWebhookSecrets {
		secrets = append(secrets, secret.Named{ID: fmt.Sprintf("secret-%d", i+1), Value: value})
	}
	return secrets
}
