package http_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/internal/secret"
)

// Each is a good token with one thing wrong.
func badTokens(t *testing.T) map[string]string {
	t.Helper()
	good := func(change ...func(*http.Claims)) *http.Claims { return claims(engine.RolePayer, "usr_1", change...) }
	header := func(name string, value any) string {
		return token(t, good(), func(unsigned *jwt.Token) { unsigned.Header[name] = value })
	}
	minutes := func(from, until int) string {
		return token(t, good(func(c *http.Claims) {
			now := time.Now()
			c.NotBefore = jwt.NewNumericDate(now.Add(time.Duration(from) * time.Minute))
			c.ExpiresAt = jwt.NewNumericDate(now.Add(time.Duration(until) * time.Minute))
		}))
	}
	hmacWith := func(key []byte) string {
		unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, good())
		unsigned.Header["kid"] = "kid-1"
		signed, err := unsigned.SignedString(key)
		require.NoError(t, err)
		return signed
	}
	none := jwt.NewWithClaims(jwt.SigningMethodNone, good())
	none.Header["kid"] = "kid-1"
	unsignedText, err := none.SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	_, other, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	stranger := jwt.NewWithClaims(jwt.SigningMethodEdDSA, good())
	stranger.Header["kid"] = "kid-1"
	strangers, err := stranger.SignedString(other)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	confused := jwt.NewWithClaims(jwt.SigningMethodES256, good())
	confused.Header["kid"] = "kid-1" // whose key is for EdDSA
	confusedText, err := confused.SignedString(curve)
	require.NoError(t, err)
	whole := token(t, good())
	parts := strings.Split(whole, ".")
	der, _ := base64.StdEncoding.DecodeString(encodedKey(platformPublic))
	return map[string]string{
		"no algorithm":                unsignedText,
		"HMAC with the public key":    hmacWith(platformPublic),
		"HMAC with its DER":           hmacWith(der),
		"another algorithm's":         confusedText,
		"another's signature":         strangers,
		"a byte of the body changed":  parts[0] + "." + strings.Replace(parts[1], parts[1][:8], "eyJyb2xl", 1)[1:] + "." + parts[2],
		"the signature cut off":       parts[0] + "." + parts[1] + ".",
		"padding in the signature":    whole + "=",
		"no kid":                      header("kid", nil),
		"an unknown kid":              header("kid", "kid-2"),
		"a kid that is no text":       header("kid", 1),
		"where its key may be found":  header("jku", "https://example.com/keys"),
		"its own key":                 header("jwk", map[string]any{"kty": "OKP"}),
		"its own certificate":         header("x5c", []string{"x"}),
		"something critical":          header("crit", []string{"exp"}),
		"ended":                       minutes(-20, -6),
		"begins later":                minutes(5, 10),
		"good for too long":           minutes(0, 16),
		"another audience":            token(t, good(func(c *http.Claims) { c.Audience = jwt.ClaimStrings{"elsewhere"} })),
		"no audience":                 token(t, good(func(c *http.Claims) { c.Audience = nil })),
		"another issuer":              token(t, good(func(c *http.Claims) { c.Issuer = "rival" })),
		"no end":                      token(t, good(func(c *http.Claims) { c.ExpiresAt = nil })),
		"no beginning":                token(t, good(func(c *http.Claims) { c.NotBefore = nil })),
		"no id":                       token(t, good(func(c *http.Claims) { c.ID = "" })),
		"nobody":                      token(t, good(func(c *http.Claims) { c.Subject = "" })),
		"a subject of any characters": token(t, good(func(c *http.Claims) { c.Subject = "usr_1/../usr_2" })),
		"staff":                       token(t, good(func(c *http.Claims) { c.Role = engine.RoleFinance })),
		"a platform":                  token(t, good(func(c *http.Claims) { c.Role = engine.RolePlatform })),
		"too long":                    token(t, good(func(c *http.Claims) { c.ID = strings.Repeat("x", 4000) })),
	}
}

func TestATokenIsTakenForWhatItIsOrNotAtAll(t *testing.T) {
	t.Parallel()
	e := start(t)
	p := e.initiatedBy(t, "usr_1")
	path := "/v1/payments/" + p.ID
	require.Equal(t, 200, e.do(t, "GET", path, "", tokenOf(t, engine.RolePayer, "usr_1")).status)
	for name, text := range badTokens(t) {
		a := e.do(t, "GET", path, "", bearer(text))
		require.Equal(t, 401, a.status, "%s: %s", name, a.body)
		require.NotContains(t, string(a.body), "usr_1", name)
	}
	require.NotContains(t, e.log.String(), "eyJ", "no token is logged")
}

// initiatedBy begins a payment of a payer's, by their platform.
func (e *edge) initiatedBy(t *testing.T, payer string) http.Payment {
	t.Helper()
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, map[string]any{"payer_id": payer}), key("start-"+payer))
	require.Equal(t, 202, a.status, "%s", a.body)
	return a.payment(t)
}

// A new key id is published first, then tokens are signed with it, then the old one
// goes: none of it needs a restart.
func TestTokenKeysOverlapWhileTheyRotate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	old := secret.Named{ID: "kid-1", Value: secret.New(encodedKey(platformPublic))}
	next := secret.Named{ID: "kid-2", Value: secret.New(encodedKey(&curve.PublicKey))}
	keys, err := secret.NewList([]secret.Named{old}, now)
	require.NoError(t, err)
	e := start(t, func(c *http.Config) { c.TokenKeys = keys })
	path := "/v1/payments/" + e.initiatedBy(t, "usr_1").ID
	signedNew := jwt.NewWithClaims(jwt.SigningMethodES256, claims(engine.RolePayer, "usr_1"))
	signedNew.Header["kid"] = "kid-2"
	text, err := signedNew.SignedString(curve)
	require.NoError(t, err)
	statuses := func() [2]int {
		return [2]int{
			e.do(t, "GET", path, "", tokenOf(t, engine.RolePayer, "usr_1")).status, e.do(t, "GET", path, "", bearer(text)).status,
		}
	}
	require.Equal(t, [2]int{200, 401}, statuses())
	require.NoError(t, keys.Replace([]secret.Named{old, next}, now))
	require.Equal(t, [2]int{200, 200}, statuses())
	old.NotAfter = now // it is still there, and its time is over
	require.NoError(t, keys.Replace([]secret.Named{old, next}, now))
	require.Equal(t, [2]int{401, 200}, statuses())
	require.NoError(t, keys.Replace([]secret.Named{next}, now))
	require.Equal(t, [2]int{401, 200}, statuses())
}

func TestOnlyKeysOfTwoKindsSignTokens(t *testing.T) {
	t.Parallel()
	larger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	for name, value := range map[string]string{
		"another curve": encodedKey(&larger.PublicKey), "no base64": "!", "no key": "AAAA", "nothing": "",
	} {
		_, _, err := http.ReadTokenKey(secret.New(value))
		require.Error(t, err, name)
	}
}
