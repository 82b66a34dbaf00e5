package http

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/bookmi/cauri/engine"
)

// Rate is so many of something within a time. The zero Rate limits nothing.
type Rate struct {
	Most   int
	Within time.Duration
}

// rateOff is how no limit is spelled.
const rateOff = "off"

// UnmarshalText reads 5/10m, or off.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == rateOff {
		*r = Rate{}
		return nil
	}
	most, within, found := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(most)
	d, errWithin := time.ParseDuration(within)
	if !found || err != nil || errWithin != nil || n < 1 || d < time.Second || d > rateWithinMax {
		return errors.New("a rate is written 5/10m: so many within a time of a second to an hour; or off")
	}
	*r = Rate{n, d}
	return nil
}

// rateWithinMax is as long as a use of a quota is kept at least: what the keeper
// forgets every hour is what no rate reaches back to.
const rateWithinMax = time.Hour

// MarshalText writes what UnmarshalText reads.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r Rate) String() string {
	if r.IsZero() {
		return rateOff
	}
	within := r.Within.String()
	if r.Within%time.Minute == 0 {
		within = fmt.Sprintf("%dm", r.Within/time.Minute) // 10m, not 10m0s
	}
	return fmt.Sprintf("%d/%s", r.Most, within)
}

// IsZero reports that it limits nothing.
func (r Rate) IsZero() bool { return r.Most == 0 }

// Rates are how often things may be done (S-19). Those of the first kind are counted
// by each node for itself, in memory: behind n nodes they are n times as wide. Those
// of the second are counted by the database, for all nodes together. Whoever proves
// who they are, by a key or a signature, is never limited by their address: behind
// one address of an operator's network are thousands of phones.
type Rates struct {
	Key      Rate // requests of one platform, and of one member of staff
	Person   Rate // requests of one payer or talent
	Address  Rate // requests from one address for what anybody may have
	Failures Rate // wrong keys and wrong signatures from one address

	StartsPerPhone   Rate // payments that ask one phone: no prompt-bombing
	StartsPerBooking Rate // payments of one booking
	CodesPerPhone    Rate // codes typed for one phone
}

// meterKeysMax is how many are counted apart at once, for each rate. An entry is a
// limiter (80 bytes), its key and its place in a map: 200 bytes. Two generations of
// 16,384 entries and four rates are 26 MB at the very worst. Who makes more
// addresses than that makes us forget older ones, and each forgotten one begins with
// a full bucket: the rate of one address then holds no more, the memory does.
const meterKeysMax = 16 << 10

// meter counts for each of many. Those that nobody has asked about for a whole
// generation are forgotten, by no more work than forgetting a map.
type meter[K comparable] struct {
	rate Rate
	now  func() time.Time

	mu         sync.Mutex
	young, old map[K]*rate.Limiter
}

func newMeter[K comparable](r Rate, now func() time.Time) *meter[K] {
	return &meter[K]{rate: r, now: now, young: map[K]*rate.Limiter{}}
}

// take counts one, or says how long until there is room for it. A bucket holds the
// whole rate: Most at once, and then one every Within/Most.
func (m *meter[K]) take(key K) time.Duration {
	if m.rate.IsZero() {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	limiter, known := m.young[key]
	if !known {
		if len(m.young) == meterKeysMax {
			m.young, m.old = map[K]*rate.Limiter{}, m.young
		}
		if limiter, known = m.old[key]; !known {
			limiter = rate.NewLimiter(rate.Every(m.rate.Within/time.Duration(m.rate.Most)), m.rate.Most)
		}
		m.young[key] = limiter
	}
	r := limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// Which limit turned a request away, as the metric names it.
const (
	limitKey          = "key"
	limitPerson       = "person"
	limitAddress      = "address"
	limitFailures     = "failures"
	limitStartPhone   = "start_phone"
	limitStartBooking = "start_booking"
	limitCodePhone    = "code_phone"
)

// spent is the error of a limit that is used up.
func (s *Server) spent(c *call, limit string, wait time.Duration) error {
	s.metrics.limited.WithLabelValues(limit).Inc()
	c.rest = wait
	e := engine.Errorf(engine.Overloaded, codeRateLimited, "the limit %s is used up: come again after Retry-After seconds", limit)
	if t, special := limitTexts[limit]; special {
		minutes := int((wait + time.Minute - 1) / time.Minute)
		e.Text = strings.ReplaceAll(t.in(c.language), "{minutes}", strconv.Itoa(max(minutes, 1)))
	}
	return e
}

// limitPrincipal counts a request of somebody who has proved who they are.
func (s *Server) limitPrincipal(c *call) error {
	limit, of := limitKey, s.meters.keys
	if c.principal.Role == engine.RolePayer || c.principal.Role == engine.RoleTalent {
		limit, of = limitPerson, s.meters.people
	}
	if wait := of.take(c.principal.Name()); wait > 0 {
		return s.spent(c, limit, wait)
	}
	return nil
}

// limitAddress counts a request of somebody who need not prove anything.
func (s *Server) limitAddress(c *call) error {
	if wait := s.meters.addresses.take(site(c.from)); wait > 0 && !s.tellsNothing(c) {
		return s.spent(c, limitAddress, wait)
	}
	return nil
}

// failed counts somebody who could not prove who they are, and returns what they are
// told: why, or, when that was too often, to come again later. A right key or
// signature is looked for all the same, so that nobody is locked out by what others
// behind their address do; what is guessed at has 256 bits.
func (s *Server) failed(c *call, why error) error {
	if wait := s.meters.failures.take(site(c.from)); wait > 0 && !s.tellsNothing(c) {
		return s.spent(c, limitFailures, wait)
	}
	return why
}

// tellsNothing says that the address is not the client's own: this machine, or a
// proxy of ours that did not say for whom it came.
func (s *Server) tellsNothing(c *call) bool { return onThisMachine(c.from) || s.trusts(c.from) }

// meters are one server's.
type meters struct {
	keys, people        *meter[string]
	addresses, failures *meter[netip.Addr]
	elsewhere           *meter[engine.Gateway] // warnings, not requests
}

func newMeters(r Rates, now func() time.Time) meters {
	return meters{
		keys: newMeter[string](r.Key, now), people: newMeter[string](r.Person, now),
		addresses: newMeter[netip.Addr](r.Address, now), failures: newMeter[netip.Addr](r.Failures, now),
		elsewhere: newMeter[engine.Gateway](elsewhereEvery, now),
	}
}

// quota is one that the database counts, and what it is called.
type quota struct {
	limit string
	rate  Rate
	whom  string
}

// use counts an intention against quotas that hold for all nodes. The same key again
// is the same intention: a retry costs nothing.
func (s *Server) use(ctx context.Context, c *call, key *engine.IdempotencyKey, quotas ...quota) error {
	var names []string
	var asked []engine.Quota
	for _, q := range quotas {
		if q.rate.IsZero() || q.whom == "" {
			continue
		}
		names = append(names, q.limit)
		asked = append(asked, engine.Quota{Subject: s.keyed(q.limit, q.whom), Most: q.rate.Most, Within: q.rate.Within})
	}
	if len(asked) == 0 {
		return nil
	}
	full, wait, err := s.ports.Quotas.Use(ctx, s.keyed(key.Principal, key.Operation, key.Key), asked)
	if err != nil {
		return err
	}
	if len(full) > 0 {
		return s.spent(c, names[full[0]], wait)
	}
	return nil
}

// keyed is what parts stand for in the database: without the key, a phone of ten
// digits would be read from its hash by trying them all.
func (s *Server) keyed(parts ...string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, []byte(s.cfg.QuotaKey.Reveal()))
	for _, part := range parts {
		_, _ = fmt.Fprintf(mac, "%d:%s", len(part), part) // a hash takes everything
	}
	copy(sum[:], mac.Sum(nil))
	return sum
}
