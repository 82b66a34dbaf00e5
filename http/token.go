package http

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/internal/secret"
)

// Tokens are what a platform gives its payers' and talents' phones: short-lived, signed
// by the platform's private key, of which we hold the public one. A token says who
// somebody is at the platform and nothing about what is theirs: that the database says.

// Claims is what a token holds (RFC 7519, 4.1). Those of RFC 7519 and the role are
// required.
type Claims struct {
	jwt.RegisteredClaims
	Role engine.Role `json:"role"` // payer or talent

	// What a payer may begin to pay with it: all three, or none and nothing.
	Booking string `json:"booking_id,omitempty"`
	Talent  string `json:"talent_id,omitempty"`
	Amount  int64  `json:"amount,omitempty"` // francs
}

// terms are what a payer may begin to pay.
func (c Claims) terms() *engine.Terms {
	if c.Role != engine.RolePayer || c.Booking == "" || c.Talent == "" || c.Amount <= 0 {
		return nil
	}
	return &engine.Terms{Booking: c.Booking, Talent: c.Talent, Amount: money.Amount(c.Amount)}
}

const (
	// TokenAudience is what a token for us names as its audience.
	TokenAudience = "cauri"

	// tokenLifeMax: a phone that is stolen is a payer for so long; its platform signs
	// another one in a moment.
	tokenLifeMax = 15 * time.Minute
	// tokenLeeway is how far our clock and the platform's may be apart.
	tokenLeeway = 30 * time.Second
	// tokenBytesMax: the longest real one, with ES256 and long ids, is under 700.
	tokenBytesMax = 2 << 10
)

var (
	errToken = errors.New("not a token of ours")
	// subjects are ids of the platform's, as bookings and talents are.
	subjects = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// tokenKey is a public key that tokens may be signed with, for one algorithm and no
// other: who may choose the algorithm may choose none.
type tokenKey struct {
	method jwt.SigningMethod
	public any
}

// ReadTokenKey reads a public key, base64 of its SubjectPublicKeyInfo: Ed25519 is for
// EdDSA, P-256 for ES256, and nothing else is taken.
func ReadTokenKey(value secret.Secret) (jwt.SigningMethod, any, error) {
	der, err := base64.StdEncoding.DecodeString(value.Reveal())
	if err != nil {
		return nil, nil, errors.New("not base64 of a public key's DER")
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, nil, errors.New("not a public key (SubjectPublicKeyInfo, DER)")
	}
	switch key := public.(type) {
	case ed25519.PublicKey:
		return jwt.SigningMethodEdDSA, key, nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return jwt.SigningMethodES256, key, nil
		}
	}
	return nil, nil, errors.New("neither an Ed25519 nor a P-256 public key")
}

// tokens checks tokens against the keys that are valid now.
type tokens struct {
	keys     *secret.List // by kid; nil: no tokens are taken
	platform string
	parser   *jwt.Parser
	read     atomic.Pointer[readKeys]
}

// readKeys are keys taken out of their text once for each list.
type readKeys struct {
	of   []secret.Named
	keys map[string]tokenKey
}

func newTokens(cfg Config, now func() time.Time) *tokens {
	return &tokens{keys: cfg.TokenKeys, platform: cfg.Platform, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg(), jwt.SigningMethodES256.Alg()}),
		jwt.WithAudience(TokenAudience), jwt.WithIssuer(cfg.TokenIssuer), jwt.WithExpirationRequired(), jwt.WithLeeway(tokenLeeway),
		jwt.WithTimeFunc(now), jwt.WithStrictDecoding(),
	)}
}

// key finds the key a token names. Only its id chooses: where a token says its key may
// be found is not looked at, and a token that says so is refused.
func (t *tokens) key(token *jwt.Token, now time.Time) (any, error) {
	for _, elsewhere := range []string{"jku", "x5u", "jwk", "x5c", "crit"} {
		if _, says := token.Header[elsewhere]; says {
			return nil, errToken
		}
	}
	kid, _ := token.Header["kid"].(string)
	if named, known := t.keys.Find(kid); kid == "" || !known || !named.Valid(now) {
		return nil, errToken
	}
	all := t.keys.All()
	read := t.read.Load()
	if read == nil || &read.of[0] != &all[0] { // another list (secret.List.All): never empty, since kid is in it
		read = &readKeys{of: all, keys: map[string]tokenKey{}}
		for _, named := range all {
			if method, public, err := ReadTokenKey(named.Value); err == nil {
				read.keys[named.ID] = tokenKey{method, public}
			}
		}
		t.read.Store(read)
	}
	key, known := read.keys[kid]
	if !known || token.Method.Alg() != key.method.Alg() {
		return nil, errToken
	}
	return key.public, nil
}

// check reads a token. Its errors say nothing of what is in it.
func (t *tokens) check(text string, now time.Time) (engine.Principal, error) {
	if t.keys == nil || len(text) > tokenBytesMax {
		return engine.Principal{}, errToken
	}
	var claims Claims
	token, err := t.parser.ParseWithClaims(text, &claims, func(token *jwt.Token) (any, error) { return t.key(token, now) })
	if err != nil {
		return engine.Principal{}, fmt.Errorf("%w: %w", errToken, err)
	}
	switch {
	case claims.NotBefore == nil || claims.ID == "" || claims.ExpiresAt.Sub(claims.NotBefore.Time) > tokenLifeMax:
		return engine.Principal{}, errToken
	case claims.Role != engine.RolePayer && claims.Role != engine.RoleTalent:
		return engine.Principal{}, errToken
	case !subjects.MatchString(claims.Subject):
		return engine.Principal{}, errToken
	}
	kid, _ := token.Header["kid"].(string)
	return engine.Principal{Role: claims.Role, Platform: t.platform, Subject: claims.Subject, KeyID: kid, Terms: claims.terms()}, nil
}
