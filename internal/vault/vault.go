package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"

	"github.com/bookmi/cauri/internal/secret"
)

// keyBytes is AES-256's, and as much for an index.
const keyBytes = 32

// What is sealed is written so: the version, the length of the key's id, the id, the
// nonce, then the ciphertext with its tag. Version, id and place are authenticated.
const (
	version    = 1
	nonceBytes = 12
	tagBytes   = 16
	idBytesMax = 32
	// keysMax: a rotation a year, and tables that are never sealed again. Each index
	// key costs a search one more HMAC and one more probe of an index.
	keysMax = 16
)

// What may be wrong with keys.
var (
	ErrNoKeys  = errors.New("there is no key")
	ErrTooMany = fmt.Errorf("more than %d keys", keysMax)
	ErrKey     = errors.New("a key is base64 of 32 bytes, as openssl rand -base64 32 makes")
	ErrSameID  = errors.New("two keys have the same id")
	ErrID      = fmt.Errorf("a key's id is of letters, digits, - and _, at most %d", idBytesMax)
	ErrSameKey = errors.New("two ids have the same key")
)

// ErrUnreadable says that something sealed was altered, cut, or put elsewhere.
var ErrUnreadable = errors.New("what is sealed was altered, or is another place's")

// MissingKey says that something is sealed under a key that is not in the list.
type MissingKey struct{ ID string }

func (m MissingKey) Error() string {
	return fmt.Sprintf("it is sealed under the data key %q, which is not among CAURI_DATA_KEYS", m.ID)
}

// Vault has the keys, each made ready once. Any number may use it at once.
type Vault struct {
	sealers []sealer
	indexes []indexer
}

type sealer struct {
	head []byte // version, length and id
	aead cipher.AEAD
}

type indexer struct {
	id   string
	macs *sync.Pool // of hash.Hash: keying one costs as much as using it
}

// ReadKeys decodes the base64 of a setting's keys. Its errors repeat none of it.
func ReadKeys(spelled []secret.Named) ([]secret.Named, error) {
	keys := make([]secret.Named, len(spelled))
	for i, k := range spelled {
		raw, err := base64.StdEncoding.DecodeString(k.Value.Reveal())
		if err != nil || len(raw) != keyBytes {
			return nil, ErrKey
		}
		keys[i] = secret.Named{ID: k.ID, Value: secret.New(string(raw))}
	}
	return keys, check(keys)
}

// SpellKeys is what ReadKeys reads.
func SpellKeys(keys []secret.Named) []secret.Named {
	spelled := make([]secret.Named, len(keys))
	for i, k := range keys {
		spelled[i] = secret.Named{ID: k.ID, Value: secret.New(base64.StdEncoding.EncodeToString([]byte(k.Value.Reveal())))}
	}
	return spelled
}

func check(keys []secret.Named) error {
	seen, ids := map[string]bool{}, map[string]bool{}
	for _, k := range keys {
		switch raw := k.Value.Reveal(); {
		case !isID(k.ID):
			return ErrID
		case ids[k.ID]:
			return ErrSameID
		case len(raw) != keyBytes:
			return ErrKey
		case seen[raw]:
			return ErrSameKey
		default:
			ids[k.ID], seen[raw] = true, true
		}
	}
	switch {
	case len(keys) == 0:
		return ErrNoKeys
	case len(keys) > keysMax:
		return ErrTooMany
	}
	return nil
}

func isID(id string) bool {
	strange := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	return id != "" && len(id) <= idBytesMax && !strings.ContainsFunc(id, strange)
}

// New makes a vault of data keys and index keys, the newest of each first. No key is
// both: whoever has an index key can try all numbers, and must not thereby read more.
func New(data, index []secret.Named) (*Vault, error) {
	if err := check(data); err != nil {
		return nil, fmt.Errorf("data keys: %w", err)
	}
	if err := check(index); err != nil {
		return nil, fmt.Errorf("index keys: %w", err)
	}
	v := &Vault{}
	for _, k := range data {
		if slices.ContainsFunc(index, func(i secret.Named) bool { return i.Value.Reveal() == k.Value.Reveal() }) {
			return nil, ErrSameKey
		}
		block, err := aes.NewCipher([]byte(k.Value.Reveal()))
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		v.sealers = append(v.sealers, sealer{head: append([]byte{version, byte(len(k.ID))}, k.ID...), aead: aead})
	}
	for _, k := range index {
		v.indexes = append(v.indexes, indexer{k.ID, &sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(k.Value.Reveal())) }}})
	}
	return v, nil
}

// Development is a vault whose keys everybody knows: for machines of developers, whose
// numbers are nobody's.
func Development() *Vault {
	v, err := New(DevelopmentKeys())
	if err != nil {
		panic(err) // they are constants
	}
	return v
}

// DevelopmentKeys are Development's. Production refuses them.
func DevelopmentKeys() (data, index []secret.Named) {
	key := func(text string) []secret.Named {
		sum := sha256.Sum256([]byte(text))
		return []secret.Named{{ID: "development", Value: secret.New(string(sum[:]))}}
	}
	return key("cauri development data key"), key("cauri development index key")
}

// Seal seals a text for its place, under the newest key. Nothing stays nothing. The
// nonce is random: 2³² texts a key are safe (NIST SP 800-38D, 8.3), a hundred a second
// for a year and four months.
func (v *Vault) Seal(place, text []byte) []byte {
	if len(text) == 0 {
		return []byte{}
	}
	s := &v.sealers[0]
	head := len(s.head)
	out := make([]byte, head+nonceBytes, head+nonceBytes+len(text)+tagBytes)
	copy(out, s.head)
	_, _ = rand.Read(out[head:]) // never fails, or ends the program (Go docs, crypto/rand)
	return s.aead.Seal(out, out[head:], text, bound(s.head, place))
}

// Open opens what Seal made for the same place: MissingKey when the key is not there,
// ErrUnreadable when it is not as it was sealed.
func (v *Vault) Open(place, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	id, err := KeyOf(sealed)
	if err != nil {
		return nil, err
	}
	for i := range v.sealers {
		s := &v.sealers[i]
		if head := len(s.head); string(s.head[2:]) == id {
			text, err := s.aead.Open(nil, sealed[head:head+nonceBytes], sealed[head+nonceBytes:], bound(s.head, place))
			if err != nil {
				return nil, ErrUnreadable
			}
			return text, nil
		}
	}
	return nil, MissingKey{id}
}

// KeyOf is the id of the key something is sealed under. It says nothing of whether it
// opens.
func KeyOf(sealed []byte) (string, error) {
	if len(sealed) < 2 || sealed[0] != version {
		return "", ErrUnreadable
	}
	head := 2 + int(sealed[1])
	if len(sealed) < head+nonceBytes+tagBytes || !isID(string(sealed[2:head])) {
		return "", ErrUnreadable
	}
	return string(sealed[2:head]), nil
}

// Newest reports whether something is sealed under the key that seals now.
func (v *Vault) Newest(sealed []byte) bool {
	id, err := KeyOf(sealed)
	return err == nil && id == v.Keys()[0]
}

// Has reports whether a data key is among ours.
func (v *Vault) Has(id string) bool { return slices.Contains(v.Keys(), id) }

// Keys are the ids of the data keys, the newest first.
func (v *Vault) Keys() []string {
	ids := make([]string, len(v.sealers))
	for i, s := range v.sealers {
		ids[i] = string(s.head[2:])
	}
	return ids
}

func bound(head, place []byte) []byte {
	return append(append(make([]byte, 0, len(head)+len(place)), head...), place...)
}

// Index is by what a text of a kind is found: the same for the same text, under the
// newest index key. Nothing has none.
func (v *Vault) Index(kind string, text []byte) []byte {
	if len(text) == 0 {
		return []byte{}
	}
	return v.indexes[0].sum(kind, text)
}

// Indexes is what it may be found by: under every index key, the newest first.
func (v *Vault) Indexes(kind string, text []byte) [][]byte {
	if len(text) == 0 {
		return nil
	}
	sums := make([][]byte, len(v.indexes))
	for i := range v.indexes {
		sums[i] = v.indexes[i].sum(kind, text)
	}
	return sums
}

// Matches reports, in constant time for each key, whether an index is the text's.
func (v *Vault) Matches(kind string, text, index []byte) bool {
	return slices.ContainsFunc(v.Indexes(kind, text), func(sum []byte) bool { return hmac.Equal(sum, index) })
}

func (x *indexer) sum(kind string, text []byte) []byte {
	mac := x.macs.Get().(hash.Hash) //nolint:forcetypeassert // it holds nothing else
	mac.Reset()
	mac.Write([]byte(kind))
	mac.Write([]byte{0}) // no kind has one: kind and text can't run into one another
	mac.Write(text)
	sum := mac.Sum(nil)
	x.macs.Put(mac)
	return sum
}
