package actors

import (
	"slices"

	"github.com/bookmi/cauri/engine"
)

// rememberedMax bounds what one actor remembers. A payment's life makes two or
// three notifications that count (success, payout, perhaps its reversal); eight
// leaves room, and 10,000 actors × 8 × 200 bytes is 16 MB at the very worst.
const rememberedMax = 8

// memory is the only second copy of what a row says, and only of what can never
// change: these bytes, signed by the gateway, have counted. A status is not kept
// here, nor an amount: tomorrow they may be others. The zero memory knows nothing.
type memory struct {
	counted []counted
	oldest  int // the next to be overwritten, once full
}

// counted is a notification that means nothing new for ever. The signature is a
// keyed hash of the body, so equal signatures are equal bytes.
type counted struct {
	identity  engine.Identity
	signature string
}

// knows reports that the notification is, byte for byte, one that has counted.
// The same identity under another signature is other bytes: the store compares.
func (m *memory) knows(n engine.Notification) bool {
	if n.Identity == "" || len(n.Delivery.Signature) == 0 {
		return false
	}
	return slices.ContainsFunc(m.counted, func(c counted) bool {
		return c.identity == n.Identity && c.signature == string(n.Delivery.Signature)
	})
}

// learn keeps the notification if the commit says that it counts from now on.
func (m *memory) learn(n engine.Notification, applied engine.Applied) {
	committed := applied.Outcome == engine.Changed || applied.Outcome == engine.Duplicate
	if !committed || !slices.Contains(applied.Counted, n.Identity) || len(n.Delivery.Signature) == 0 || m.knows(n) {
		return
	}
	fact := counted{n.Identity, string(n.Delivery.Signature)}
	if len(m.counted) < rememberedMax {
		m.counted = append(m.counted, fact)
		return
	}
	m.counted[m.oldest] = fact
	m.oldest = (m.oldest + 1) % rememberedMax
}
