package actors

import (
	"crypto/sha256"
	"slices"

	"github.com/bookmi/cauri/engine"
)

// rememberedMax bounds what one actor remembers. A payment's life makes two or
// three notifications that count (success, payout, perhaps its reversal); eight
// leaves room, and 10,000 actors × 8 × 32 bytes is 2.5 MB at the very worst.
const rememberedMax = 8

// memory is the only second copy of what a row says, and only of what can never
// change: these bytes, signed by the gateway, have counted. A status is not kept
// here, nor an amount: tomorrow they may be others. The zero memory knows nothing.
type memory struct {
	counted []fact // the oldest first
}

// fact is a notification that means nothing new for ever: the hash of its identity and
// of its signature, which is a keyed hash of the body, so that equal facts are equal
// bytes. Itself it would take six times the memory.
type fact [sha256.Size]byte

func factOf(n engine.Notification) fact {
	var bytes [256]byte // more than an identity and a signature take: hashing allocates nothing
	text := append(append(bytes[:0], n.Identity...), 0)
	return sha256.Sum256(append(text, n.Delivery.Signature...))
}

// knows reports that the notification is, byte for byte, one that has counted.
// The same identity under another signature is other bytes: the store compares.
func (m *memory) knows(n engine.Notification) bool {
	if n.Identity == "" || len(n.Delivery.Signature) == 0 {
		return false
	}
	return len(m.counted) > 0 && slices.Contains(m.counted, factOf(n))
}

// learn keeps the notification if the commit says that it counts from now on.
func (m *memory) learn(n engine.Notification, applied engine.Applied) {
	committed := applied.Outcome == engine.Changed || applied.Outcome == engine.Duplicate
	if !committed || !slices.Contains(applied.Counted, n.Identity) || len(n.Delivery.Signature) == 0 || m.knows(n) {
		return
	}
	if len(m.counted) < rememberedMax {
		m.counted = append(m.counted, factOf(n))
		return
	}
	copy(m.counted, m.counted[1:]) // the oldest makes room
	m.counted[rememberedMax-1] = factOf(n)
}
