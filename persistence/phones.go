package persistence

import (
	"encoding/binary"
	"errors"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/vault"
)

// No phone stands in the database so that it can be read there (S-15): each is sealed
// for its own row, and found by a keyed hash, its blind index. Every number goes in
// through sealPhone and comes back through openPhone. A payer by card may have none,
// which is an empty column.

// The kinds of blind indexes.
const (
	phoneIndex   = "phone"
	requestIndex = "request" // of an idempotency key: a bare hash of a request would tell its phone to whoever tries all numbers
)

// Where something is sealed: the table, and what names the row in it.

func payerPlace(id engine.ID) []byte { return append([]byte("transactions\x00"), id[:]...) }

func tryPlace(id engine.ID, no int) []byte {
	return numbered(append([]byte("payout_tries\x00"), id[:]...), no)
}

func walletPlace(talent string, no int) []byte {
	return numbered([]byte("wallets\x00"+talent+"\x00"), no)
}

func proposalPlace(id engine.ID) []byte { return append([]byte("proposals\x00"), id[:]...) }

// A delivery's row is named by whose it is and its signature: the same twice is kept once.
func deliveryPlace(identity engine.Identity, signature []byte) []byte {
	return append([]byte("deliveries\x00"+string(identity)+"\x00"), signature...)
}

func numbered(place []byte, no int) []byte {
	return binary.BigEndian.AppendUint32(place, uint32(no)) //nolint:gosec // counts from one, far below
}

func sealPhone(v *vault.Vault, place []byte, n phone.Number) []byte {
	return v.Seal(place, []byte(n.E164()))
}

// openPhone reads a number back. Its errors say which key is missing or that the row
// was meddled with, and never the number.
func openPhone(v *vault.Vault, place, sealed []byte) (phone.Number, error) {
	text, err := v.Open(place, sealed)
	if err != nil || len(text) == 0 {
		return phone.Number{}, unreadable("a stored phone", err)
	}
	n, err := phone.Parse(string(text))
	return n, unreadable("a stored phone", err)
}

// unreadable is what stands sealed and can't be opened here. Whoever runs the engine
// finds the cause by cauri doctor.
func unreadable(what string, err error) error {
	if err == nil {
		return nil
	}
	return &engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Detail: what + " can't be opened", Err: err}
}

// errNoVault is a bug of whoever opens a store.
var errNoVault = errors.New("a store needs the keys that phones are sealed with")

func indexOf(v *vault.Vault, n phone.Number) []byte { return v.Index(phoneIndex, []byte(n.E164())) }

// indexesOf is what a phone is found by: it may have been written under any key.
func indexesOf(v *vault.Vault, n phone.Number) [][]byte {
	return v.Indexes(phoneIndex, []byte(n.E164()))
}

// SealPayer is what a payment's row keeps of its payer's phone: for who fills a table
// beside the engine, as the benchmark does.
func SealPayer(v *vault.Vault, id engine.ID, n phone.Number) (sealed, index []byte) {
	return sealPhone(v, payerPlace(id), n), indexOf(v, n)
}
