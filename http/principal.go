package http

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// Key is a platform's bearer key. A principal may have several, so that a new
// one works before the old one stops.
type Key struct {
	ID        string
	Principal string
	hash      [sha256.Size]byte
}

// NewKey keeps the secret's hash only. The secret is random (32 bytes and more),
// so a plain hash can't be searched backwards.
func NewKey(id, principal, secret string) (Key, error) {
	if id == "" || principal == "" || secret == "" {
		return Key{}, fmt.Errorf("a key has an id, a principal and a secret")
	}
	return Key{ID: id, Principal: principal, hash: sha256.Sum256([]byte(secret))}, nil
}

// access says who may use a route.
type access string

const (
	anybody  access = "anybody"  // it tells nothing that is not published
	gateway  access = "gateway"  // whoever can sign; the receiver checks
	platform access = "platform" // a bearer key
)

// authenticate finds the principal of a request. It compares with every key, in
// constant time, so that neither which one matched nor how much of one did can
// be measured. It returns a Forbidden error with codeUnauthenticated.
func (s *Server) authenticate(h *fasthttp.RequestHeader) (engine.Principal, error) {
	const scheme = "bearer "
	value := h.Peek(fasthttp.HeaderAuthorization)
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return engine.Principal{}, engine.Errorf(engine.Forbidden, codeUnauthenticated, "send Authorization: Bearer and an API key")
	}
	hash := sha256.Sum256(value[len(scheme):])
	var found engine.Principal
	for _, k := range s.cfg.Keys {
		if subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1 {
			found = engine.Principal{Role: engine.RolePlatform, Platform: k.Principal, KeyID: k.ID}
		}
	}
	if found.Role == "" {
		return engine.Principal{}, engine.Errorf(engine.Forbidden, codeUnauthenticated, "this API key is not known")
	}
	return found, nil
}
