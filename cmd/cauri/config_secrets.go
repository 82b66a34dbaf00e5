package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
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
	// digest is of the file as it was read.
	Digest [sha256.Size]byte `kong:"-"`
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

// secretsBytesMax: five lists of eight keys of under a kilobyte, and room.
const secretsBytesMax = 64 << 10

// fileSecret is a secret as the file has it.
type fileSecret struct {
	ID        string        `json:"id"`
	Value     secret.Secret `json:"value"`
	NotBefore time.Time     `json:"not_before"`
	NotAfter  time.Time     `json:"not_after"`
}

// readSecrets takes in the file, when there is one, so that all that is required of
// secrets is required of its own. Its faults hold no value.
func (s *Settings) readSecrets() Misconfigured {
	if s.SecretsFile == "" {
		return nil
	}
	text, err := readLimited(s.SecretsFile)
	if err != nil {
		return Misconfigured{"CAURI_SECRETS_FILE can't be read: " + err.Error()}
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
	return nil
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

// readLimited reads a file that nobody else may write and that is not too large.
func readLimited(name string) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the operator's own choice
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	const othersWrite = 0o022
	if info.Mode().Perm()&othersWrite != 0 {
		return nil, fmt.Errorf("others than its owner may write it (%s): chmod go-w", info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, secretsBytesMax+1))
	if len(text) > secretsBytesMax {
		return nil, fmt.Errorf("it has more than %d bytes", secretsBytesMax)
	}
	return text, err
}

// parseSecrets reads the lists, each purpose once and nothing besides. Its errors hold no
// value: those of encoding/json would quote what is not what was expected.
func parseSecrets(text []byte) (map[string][]secret.Named, error) {
	var read map[string]json.RawMessage
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, errors.New("it is no JSON object, or half of one")
	}
	lists := map[string][]secret.Named{}
	for purpose, raw := range read {
		if !slices.Contains(purposes, purpose) {
			return nil, fmt.Errorf("there is no purpose %q: %s", purpose, strings.Join(purposes, ", "))
		}
		if bytes.Count(text, []byte(`"`+purpose+`"`)) > 1 {
			return nil, fmt.Errorf("%s stands there twice", purpose)
		}
		var secrets []fileSecret
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&secrets); err != nil {
			return nil, fmt.Errorf(`%s is not a list of {"id", "value", "not_before", "not_after"}, times as 2026-01-31T12:00:00Z`, purpose)
		}
		lists[purpose] = []secret.Named{}
		for _, f := range secrets {
			lists[purpose] = append(lists[purpose], secret.Named{ID: f.ID, Value: f.Value, NotBefore: f.NotBefore, NotAfter: f.NotAfter})
		}
	}
	return lists, nil
}
