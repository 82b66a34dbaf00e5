package secret

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Named is one secret of a list: it has a name that may be shown, and a time.
type Named struct {
	ID        string
	Value     Secret
	NotBefore time.Time // zero: always
	NotAfter  time.Time // zero: until it is taken out of the list
}

// UnmarshalText reads id:value, as a setting spells one of a list. It never fails: whoever
// reports what can't be read quotes it, and a value without its id is a value. CheckList
// refuses it.
func (n *Named) UnmarshalText(text []byte) error {
	id, value, found := strings.Cut(string(text), ":")
	if !found || !IsID(id) {
		*n = Named{Value: New(string(text))}
		return nil
	}
	*n = Named{ID: id, Value: New(value)}
	return nil
}

// MarshalText writes the id, and stars.
func (n Named) MarshalText() ([]byte, error) {
	if !IsID(n.ID) {
		return []byte(Stars), nil
	}
	return []byte(n.ID + ":" + n.Value.String()), nil
}

// idBytesMax keeps a random secret from being taken for an id: 32 bytes are 43 letters.
const idBytesMax = 32

// IsID reports that a text may be the name of a secret, which is shown, logged and
// counted by: it is short and plain, and does not begin as a gateway's key.
func IsID(text string) bool {
	strange := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}
	for _, key := range []string{"sk_", "pk_", "wh_", "ck_", "cs_"} {
		if strings.HasPrefix(text, key) {
			return false
		}
	}
	return text != "" && len(text) <= idBytesMax && !strings.ContainsFunc(text, strange)
}

// Valid says that the secret may be used at that time.
func (n Named) Valid(at time.Time) bool {
	return !at.Before(n.NotBefore) && (n.NotAfter.IsZero() || at.Before(n.NotAfter))
}

// listMax: two rotations that overlap are four secrets; on a forgery each costs a
// hash.
const listMax = 8

// What may be wrong with a list.
var (
	ErrEmpty   = errors.New("no secret is valid now")
	ErrTooMany = fmt.Errorf("more than %d secrets", listMax)
	ErrSameID  = errors.New("two secrets have the same id")
	ErrNoID    = fmt.Errorf("one of a list is written id:value, its id of at most %d letters, digits, dots, - and _", idBytesMax)
	ErrNoValue = errors.New("a secret is empty")
	ErrNoTime  = errors.New("a secret ends before it begins")
)

// CheckList refuses a list that could not be worked with at that time. Its errors
// hold no secret.
func CheckList(all []Named, at time.Time) error {
	if len(all) > listMax {
		return ErrTooMany
	}
	ids := map[string]bool{}
	for _, n := range all {
		switch {
		case !IsID(n.ID):
			return ErrNoID
		case ids[n.ID]:
			return ErrSameID
		case n.Value.IsZero():
			return ErrNoValue
		case !n.NotAfter.IsZero() && !n.NotBefore.Before(n.NotAfter):
			return ErrNoTime
		}
		ids[n.ID] = true
	}
	if !slices.ContainsFunc(all, func(n Named) bool { return n.Valid(at) }) {
		return ErrEmpty
	}
	return nil
}

// List is the secrets of one purpose: several are valid while a rotation lasts. It
// is replaced whole, under whoever reads it.
type List struct{ all atomic.Pointer[[]Named] }

// NewList makes a list, or refuses it as CheckList does.
func NewList(all []Named, at time.Time) (*List, error) {
	l := &List{}
	return l, l.Replace(all, at)
}

// Replace puts another list in this one's place, or leaves it as it was and says
// what is wrong with the new one.
func (l *List) Replace(all []Named, at time.Time) error {
	if err := CheckList(all, at); err != nil {
		return err
	}
	// The newest first: most of what is checked was made with it, and it makes the new.
	ordered := slices.Clone(all)
	slices.SortStableFunc(ordered, func(a, b Named) int { return b.NotBefore.Compare(a.NotBefore) })
	l.all.Store(&ordered)
	return nil
}

// All is every secret of the list, valid or not, the newest first. The slice is not
// to be changed; it is another one after Replace.
func (l *List) All() []Named {
	if all := l.all.Load(); all != nil {
		return *all
	}
	return nil
}

// Newest is the secret to make something with at that time.
func (l *List) Newest(at time.Time) (Named, bool) {
	for _, n := range l.All() {
		if n.Valid(at) {
			return n, true
		}
	}
	return Named{}, false
}

// Find is the secret of that name, valid or not: what was made with it is still to
// be read.
func (l *List) Find(id string) (Named, bool) {
	for _, n := range l.All() {
		if n.ID == id {
			return n, true
		}
	}
	return Named{}, false
}
