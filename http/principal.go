package http

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// Role is what a principal is to us: what it may do follows from it, and from the
// row of the route (route.who).
type Role string

// The roles. Staff work for us and see every platform's payments; whoever moves
// money by hand needs a second person of the same role.
const (
	RolePlatform Role = "platform" // a platform's back end, by its API key
	RolePayer    Role = "payer"    // who pays, by a token their platform has signed
	RoleTalent   Role = "talent"   // who is paid, by such a token
	RoleSupport  Role = "support"  // staff who look, and ask gateways
	RoleFinance  Role = "finance"  // staff who move money, two by two
	RoleAdmin    Role = "admin"    // staff who give keys
)

// Principal is who calls. It owns what it creates: what belongs to another
// principal does not exist for it.
type Principal struct {
	Role     Role
	Platform string // whose payments it has to do with, as stored with transactions; empty for staff
	Subject  string // the payer's or talent's id at the platform, the staff member's name; empty for a platform
	KeyID    string // which of its keys it used; the log's business only
}

// Name is the principal's own: idempotency keys and limits are counted by it.
func (p Principal) Name() string {
	switch p.Role {
	case RolePlatform, "":
		return p.Platform
	case RolePayer, RoleTalent:
		return p.Platform + "/" + string(p.Role) + "/" + p.Subject
	case RoleSupport, RoleFinance, RoleAdmin:
	}
	return "staff/" + p.Subject
}

// owner is whose payments exist for the principal.
func (p Principal) owner() engine.Owner {
	o := engine.Owner{Principal: p.Platform}
	switch p.Role {
	case RolePayer:
		o.Payer = p.Subject
	case RoleTalent:
		o.Talent = p.Subject
	case RolePlatform, RoleSupport, RoleFinance, RoleAdmin:
	}
	return o
}

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
func (s *Server) authenticate(h *fasthttp.RequestHeader) (Principal, error) {
	const scheme = "bearer "
	value := h.Peek(fasthttp.HeaderAuthorization)
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return Principal{}, engine.Errorf(engine.Forbidden, codeUnauthenticated, "send Authorization: Bearer and an API key")
	}
	hash := sha256.Sum256(value[len(scheme):])
	var found Principal
	for _, k := range s.cfg.Keys {
		if subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1 {
			found = Principal{Role: RolePlatform, Platform: k.Principal, KeyID: k.ID}
		}
	}
	if found.Role == "" {
		return Principal{}, engine.Errorf(engine.Forbidden, codeUnauthenticated, "this API key is not known")
	}
	return found, nil
}
