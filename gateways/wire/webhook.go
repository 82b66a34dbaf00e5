package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bookmi/cauri/internal/secret"
)

// Key is a secret that webhooks may be signed with, ready to verify: its hashes
// are pooled, because keying one costs two blocks and an allocation.
type Key struct {
	ID   string // for metrics: which one matched
	macs *sync.Pool
}

// NewKey keys the hash with the secret.
func NewKey(id string, value secret.Secret, of func() hash.Hash) Key {
	return Key{id, &sync.Pool{New: func() any { return hmac.New(of, []byte(value.Reveal())) }}}
}

// Sum appends the keyed hash of the parts, one after the other, to out.
func (k Key) Sum(out []byte, parts ...[]byte) []byte {
	mac, _ := k.macs.Get().(hash.Hash) // the pool holds nothing else
	defer k.macs.Put(mac)
	mac.Reset()
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(out)
}

// keysMax: two rotations overlapping are four secrets; each costs a hash on a
// forgery.
const keysMax = 8

// CheckKeys refuses a list of secrets' ids that is empty, too long, or names one
// twice.
func CheckKeys(ids []string) error {
	if len(ids) == 0 || len(ids) > keysMax {
		return fmt.Errorf("%d secrets: from 1 to %d", len(ids), keysMax)
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if id == "" || seen[id] {
			return fmt.Errorf("each secret has an id of its own, %q is not", id)
		}
		seen[id] = true
	}
	return nil
}

const (
	// A webhook is under 8 KiB in every sample; 64 leaves room and bounds a flood.
	webhookBytesMax = 64 << 10
	// The deepest sample has five levels.
	webhookDepthMax = 16
)

var (
	errTooLong = errors.New("longer than any webhook")
	errTooDeep = errors.New("nested deeper than any webhook")
	errNotUTF8 = errors.New("not UTF-8")
)

// CheckShape refuses a webhook's body that decoding should not be tried on: too
// long, too deep, not UTF-8, no object. Whether it is JSON the decoder says.
func CheckShape(body []byte) error {
	switch {
	case len(body) > webhookBytesMax:
		return errTooLong
	case len(body) == 0 || body[0] != '{':
		return ErrNoObject
	case !utf8.Valid(body):
		return errNotUTF8
	}
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > webhookDepthMax {
				return errTooDeep
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// nameBytesMax is what is kept of a gateway's word in a notification's identity.
// The longest made of several, two references of at most 50 and an amount or a
// time, is under 120.
const nameBytesMax = 120

// Name bounds a gateway's word that becomes part of a key: one that is long or has
// an unusual character is replaced by its hash, so that two different words never
// become the same key.
func Name(word string) string {
	usual := strings.IndexFunc(word, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._:=-", r)
	}) < 0
	if usual && len(word) <= nameBytesMax {
		return word
	}
	return "sha256:" + Digest([]byte(word))
}

// Digest names bytes by their hash.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
