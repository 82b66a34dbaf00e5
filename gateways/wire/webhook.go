package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/bookmi/cauri/internal/secret"
)

// Key is a secret that webhooks may be signed with, ready to verify: its hashes
// are pooled, because keying one costs two blocks and an allocation.
type Key struct {
	ID    string // for metrics: which one matched
	named secret.Named
	macs  *sync.Pool
}

// NewKey keys the hash with the secret.
func NewKey(n secret.Named, of func() hash.Hash) Key {
	return Key{n.ID, n, &sync.Pool{New: func() any { return hmac.New(of, []byte(n.Value.Reveal())) }}}
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

// Keys are the secrets that a gateway's webhooks may be signed with. They are replaced
// whole, under whoever verifies. The zero Keys verify nothing.
type Keys struct{ list atomic.Pointer[[]Key] }

// Replace puts other secrets in their place, or leaves them as they were: as
// secret.CheckList says.
func (k *Keys) Replace(all []secret.Named, of func() hash.Hash, now time.Time) error {
	if err := secret.CheckList(all, now); err != nil {
		return err
	}
	list := make([]Key, 0, len(all))
	for _, n := range all {
		list = append(list, NewKey(n, of))
	}
	k.list.Store(&list)
	return nil
}

// Valid are those that may have signed what comes at that time.
func (k *Keys) Valid(now time.Time) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		list := k.list.Load()
		if list == nil {
			return
		}
		for _, key := range *list {
			if key.named.Valid(now) && !yield(key) {
				return
			}
		}
	}
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
