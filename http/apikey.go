package http

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/internal/secret"
)

// An API key is read at a glance and found without trying all of them: whose it is,
// which money it moves, its id, and 32 random bytes.
//
//	ck_live_7f3k9q2m5t_mJ8…   a platform's
//	cs_test_a81kd0w3bz_Xk2…   a member of staff's
//
// The random part is not kept: its HMAC-SHA256 is, with a pepper that is not in the
// database, so that a stolen copy of that is no list of keys (S-08).
const (
	platformKeyPrefix = "ck"
	staffKeyPrefix    = "cs"
	keyIDBytes        = 8
	keySecretBytes    = 32
)

// KeyMode says which money a key moves: it stands in the key, so that nobody pastes one
// into the wrong place unseen.
type KeyMode string

// The modes.
const (
	LiveKeys KeyMode = "live"
	TestKeys KeyMode = "test"
)

// MintKey makes a key for the principal and returns it with what is kept of it. The
// text is shown once and is nowhere else.
func MintKey(mode KeyMode, whose engine.Principal, label string, pepper secret.Named) (secret.Secret, engine.APIKey, error) {
	if pepper.Value.IsZero() {
		return secret.Secret{}, engine.APIKey{}, errors.New("a key needs a pepper")
	}
	random := make([]byte, keyIDBytes+keySecretBytes)
	if _, err := rand.Read(random); err != nil {
		return secret.Secret{}, engine.APIKey{}, err
	}
	id := base32Lower.EncodeToString(random[:keyIDBytes])
	text := base64.RawURLEncoding.EncodeToString(random[keyIDBytes:])
	prefix := platformKeyPrefix
	if whose.Role.IsStaff() {
		prefix = staffKeyPrefix
	}
	whose.KeyID = id
	kept := engine.APIKey{ID: id, Principal: whose, Label: label, Pepper: pepper.ID, Hash: keyHash(pepper.Value, text)}
	return secret.New(strings.Join([]string{prefix, string(mode), id, text}, "_")), kept, nil
}

func keyHash(pepper secret.Secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(pepper.Reveal()))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// parseKey takes a key apart. It reports false for what is none, or moves other money.
func parseKey(text string, mode KeyMode) (id, random string, ok bool) {
	parts := strings.SplitN(text, "_", 4)
	if len(parts) != 4 || (parts[0] != platformKeyPrefix && parts[0] != staffKeyPrefix) ||
		parts[1] != string(mode) || len(parts[2]) != keyIDLength || len(parts[3]) != keySecretLength {
		return "", "", false
	}
	return parts[2], parts[3], true
}

// checkKey holds a key that was sent against the one kept under its id. One that was
// never made takes as long as one that is wrong.
func (s *Server) checkKey(text string, now time.Time) (p engine.Principal, found bool, err error) {
	id, random, ok := parseKey(text, s.cfg.KeyMode)
	if !ok || s.ports.Keys == nil || s.cfg.Peppers == nil {
		return engine.Principal{}, false, nil
	}
	kept, known, err := s.ports.Keys.Key(id)
	if err != nil {
		return engine.Principal{}, false, err
	}
	pepper, has := s.cfg.Peppers.Find(kept.Pepper)
	if !has {
		pepper, _ = s.cfg.Peppers.Newest(now)
	}
	right := hmac.Equal(keyHash(pepper.Value, random), kept.Hash)
	if !right || !known || !has || !kept.Works(now) {
		return engine.Principal{}, false, nil
	}
	s.ports.Keys.Used(id, now)
	return kept.Principal, true, nil
}
