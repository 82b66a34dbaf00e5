package http_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/secret"
)

// What the store does for staff, in memory: two persons, once, and all written down.

func (w *world) Propose(_ context.Context, p engine.Proposal, by engine.Act) (engine.Proposal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, other := range w.proposals {
		if other.Verdict == "" && p.Same(other) {
			return other, nil
		}
	}
	p.MadeAt, p.EndsAt = w.now, w.now.Add(engine.ProposalLasts)
	w.proposals = append(w.proposals, p)
	w.writeDown(by, p.Payment)
	return p, nil
}

func (w *world) Refuse(_ context.Context, id engine.ID, by engine.Act) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	by.Proposal = id
	return w.rule(by, engine.ID{}, "refused")
}

// rule is called under the lock.
func (w *world) rule(by engine.Act, payment engine.ID, verdict string) error {
	i := slices.IndexFunc(w.proposals, func(p engine.Proposal) bool { return p.ID == by.Proposal })
	if i < 0 {
		return engine.Errorf(engine.NotFound, engine.CodeProposalUnknown, "none")
	}
	p := &w.proposals[i]
	switch {
	case p.Verdict != "":
		return engine.Errorf(engine.Conflict, engine.CodeProposalOver, "over")
	case verdict == "approved" && p.Maker == by.Who:
		return engine.Errorf(engine.Forbidden, engine.CodeSamePerson, "two persons")
	}
	p.Verdict, p.Checker, p.CheckedAt = verdict, by.Who, w.now
	w.writeDown(by, payment)
	return nil
}

func (w *world) writeDown(by engine.Act, payment engine.ID) {
	w.audit = append(w.audit, engine.AuditRecord{Act: by, Payment: payment, At: w.now})
}

func (w *world) Proposal(_ context.Context, id engine.ID) (engine.Proposal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.proposals {
		if p.ID == id {
			return p, nil
		}
	}
	return engine.Proposal{}, engine.Errorf(engine.NotFound, engine.CodeProposalUnknown, "none")
}

func (w *world) Proposals(_ context.Context, most int) ([]engine.Proposal, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []engine.Proposal
	for _, p := range w.proposals {
		if p.Verdict == "" && len(out) < most {
			out = append(out, p)
		}
	}
	return out, nil
}

func (w *world) Audit(_ context.Context, payment, before engine.ID, most int) ([]engine.AuditRecord, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []engine.AuditRecord
	for _, r := range slices.Backward(w.audit) {
		earlier := before.IsZero() || r.ID.String() < before.String()
		if earlier && (payment.IsZero() || r.Payment == payment) && len(out) < most {
			out = append(out, r)
		}
	}
	return out, nil
}

func (w *world) SetWalletByStaff(ctx context.Context, talent string, wallet engine.Wallet, by engine.Act) (engine.Wallet, error) {
	w.mu.Lock()
	err := w.rule(by, engine.ID{}, "approved")
	w.mu.Unlock()
	if err != nil {
		return engine.Wallet{}, err
	}
	set, _, err := w.SetWallet(ctx, talent, wallet)
	return set, err
}

// Key and Used are the API keys that work.
func (w *world) Key(id string) (engine.APIKey, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k, known := w.keysKept[id]
	return k, known, w.keysErr
}

func (w *world) Used(id string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keysUsed[id] = at
}

// minted gives somebody a key and returns it as it is sent.
func (w *world) minted(t *testing.T, whose engine.Principal, change ...func(*engine.APIKey)) headers {
	t.Helper()
	pepper, _ := peppers.Newest(time.Now())
	text, kept, err := http.MintKey(http.TestKeys, whose, "a test's", pepper)
	require.NoError(t, err)
	for _, f := range change {
		f(&kept)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keysKept[kept.ID] = kept
	return bearer(text.Reveal())
}

func bearer(text string) headers { return headers{"Authorization": "Bearer " + text} }

func member(name string, role engine.Role) engine.Principal {
	return engine.Principal{Role: role, Subject: name}
}

// The platform's key pair, and the list of public keys the edge has.
var (
	platformPublic, platformPrivate, _ = ed25519.GenerateKey(nil)
	tokenKeys                          = mustList("kid-1", encodedKey(platformPublic))
	peppers                            = mustList("p1", "a pepper of thirty-two bytes, it is")
)

func mustList(id, value string) *secret.List {
	l, err := secret.NewList([]secret.Named{{ID: id, Value: secret.New(value)}}, time.Now())
	if err != nil {
		panic(err)
	}
	return l
}

func encodedKey(public any) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// claims are those of a good token; with changes.
func claims(role engine.Role, subject string, change ...func(*http.Claims)) *http.Claims {
	now := time.Now()
	c := &http.Claims{Role: role, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: "bookmi", Subject: subject, Audience: jwt.ClaimStrings{http.TokenAudience}, ID: "jti-1",
		NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(10 * time.Minute)),
	}}
	for _, f := range change {
		f(c)
	}
	return c
}

// token signs claims as the platform does.
func token(t *testing.T, c jwt.Claims, change ...func(*jwt.Token)) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	unsigned.Header["kid"] = "kid-1"
	for _, f := range change {
		f(unsigned)
	}
	signed, err := unsigned.SignedString(platformPrivate)
	require.NoError(t, err)
	return signed
}

// tokenFor is a payer's, for a payment of the price of these tests.
func tokenFor(t *testing.T, subject, booking string) headers {
	t.Helper()
	return bearer(token(t, claims(engine.RolePayer, subject, func(c *http.Claims) {
		c.Booking, c.Talent, c.Amount = booking, "tl_1", 15_000
	})))
}

func tokenOf(t *testing.T, role engine.Role, subject string) headers {
	t.Helper()
	return bearer(token(t, claims(role, subject)))
}
