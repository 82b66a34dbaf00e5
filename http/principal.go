package http

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// base32Lower spells key ids: no letter is mistaken for another, and none is a "_".
var base32Lower = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var (
	keyIDLength     = base32Lower.EncodedLen(keyIDBytes)
	keySecretLength = base64.RawURLEncoding.EncodedLen(keySecretBytes)
)

// Key is a platform's bearer key that the configuration holds, beside those the
// database does. It has every scope.
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

// access says who may use a route. The zero access is nobody.
type access struct {
	open  string        // anybody or gateway: no principal is asked for
	scope engine.Scope  // what a platform's key must have; empty: platforms may not
	roles []engine.Role // who else may
}

var (
	anybody = access{open: "anybody"} // it tells nothing that is not published
	gateway = access{open: "gateway"} // whoever can sign; the receiver checks
)

// platforms lets platforms with the scope in, and the other roles named.
func platforms(scope engine.Scope, others ...engine.Role) access {
	return access{scope: scope, roles: others}
}

// seers lets in who may look: platforms with the scope, those named, and the staff who
// answer their questions.
func seers(scope engine.Scope, others ...engine.Role) access {
	return platforms(scope, append(others, engine.RoleSupport, engine.RoleFinance)...)
}

// staff lets staff of these roles in, and nobody else.
func staff(roles ...engine.Role) access { return access{roles: roles} }

// String is the access as the table of routes is printed.
func (a access) String() string {
	if a.open != "" {
		return a.open
	}
	var who []string
	if a.scope != "" {
		who = append(who, "platform("+string(a.scope)+")")
	}
	for _, role := range a.roles {
		who = append(who, string(role))
	}
	return strings.Join(who, " ")
}

// admits reports whether the principal may use the route at all; what of it is theirs
// the handler finds out. It returns Forbidden with codeNotAllowed or codeScopeMissing.
func (a access) admits(p engine.Principal) error {
	switch {
	case p.Role == engine.RolePlatform && a.scope != "":
		if !slices.Contains(p.Scopes, a.scope) {
			return engine.Errorf(engine.Forbidden, codeScopeMissing, "this key has not the scope %s", a.scope)
		}
		return nil
	case slices.Contains(a.roles, p.Role):
		return nil
	}
	return engine.Errorf(engine.Forbidden, engine.CodeNotAllowed, "not for a %s", p.Role)
}

// authenticate finds the principal of a request: an API key's holder, or whom a
// platform's token names. It returns a Forbidden error with codeUnauthenticated.
func (s *Server) authenticate(h *fasthttp.RequestHeader) (engine.Principal, error) {
	const scheme = "bearer "
	value := h.Peek(fasthttp.HeaderAuthorization)
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return engine.Principal{}, engine.Errorf(engine.Forbidden, codeUnauthenticated, "send Authorization: Bearer and an API key or a token")
	}
	sent, now := string(value[len(scheme):]), time.Now()
	if strings.Count(sent, ".") == 2 { // a JWT's three parts; no key has a dot
		p, err := s.tokens.check(sent, now)
		if err != nil {
			return engine.Principal{}, engine.Errorf(engine.Forbidden, codeUnauthenticated,
				"this token is not taken: it is signed by a known key, for cauri, for at most %s, and names a payer or talent", tokenLifeMax)
		}
		return p, nil
	}
	if p, found := s.configured(sent); found {
		return p, nil
	}
	if p, found, err := s.checkKey(sent, now); found || err != nil {
		return p, err
	}
	return engine.Principal{}, engine.Errorf(engine.Forbidden, codeUnauthenticated, "this API key is not known, or works no longer")
}

// configured compares with every key of the configuration, in constant time, so that
// neither which one matched nor how much of one did can be measured.
func (s *Server) configured(sent string) (found engine.Principal, ok bool) {
	hash := sha256.Sum256([]byte(sent))
	for _, k := range s.cfg.Keys {
		if subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1 {
			found, ok = engine.Principal{Role: engine.RolePlatform, Platform: k.Principal, KeyID: k.ID, Scopes: engine.Scopes}, true
		}
	}
	return found, ok
}
