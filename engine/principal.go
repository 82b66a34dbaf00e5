package engine

import (
	"slices"

	"github.com/bookmi/cauri/engine/money"
)

// Role is what a principal is to us: what it may do follows from it.
type Role string

// The roles. Staff work for us and see every payment; whoever moves money by hand
// needs a second person of the same role.
const (
	RolePlatform Role = "platform" // a platform's back end, by its API key
	RolePayer    Role = "payer"    // who pays, by a token their platform has signed
	RoleTalent   Role = "talent"   // who is paid, by such a token
	RoleSupport  Role = "support"  // staff who look, and have gateways asked
	RoleFinance  Role = "finance"  // staff who move money, two by two
	RoleAdmin    Role = "admin"    // staff who give keys, and move no money
)

// StaffRoles are those of people who work for us.
var StaffRoles = []Role{RoleSupport, RoleFinance, RoleAdmin}

// IsStaff reports that the role is of somebody who works for us.
func (r Role) IsStaff() bool { return slices.Contains(StaffRoles, r) }

// Scope is a part of what a platform's key may do.
type Scope string

// The scopes.
const (
	ScopePaymentsRead  Scope = "payments:read"
	ScopePaymentsWrite Scope = "payments:write" // begin one, pass a code on, cancel
	ScopeEscrowWrite   Scope = "escrow:write"   // confirm a delivery
	ScopeTalentsRead   Scope = "talents:read"
	ScopeTalentsWrite  Scope = "talents:write" // say where a talent is paid
)

// Scopes lists them all.
var Scopes = []Scope{ScopePaymentsRead, ScopePaymentsWrite, ScopeEscrowWrite, ScopeTalentsRead, ScopeTalentsWrite}

// Principal is who calls. It owns what it creates: what belongs to another
// principal does not exist for it.
type Principal struct {
	Role     Role
	Platform string  // whose payments it has to do with, as stored with transactions; empty for staff
	Subject  string  // the payer's or talent's id at the platform, the staff member's name; empty for a platform
	KeyID    string  // which of its keys it used; the log's business only
	Scopes   []Scope // of a platform's key
	Terms    *Terms  // of a payer: what they may begin to pay; nil: nothing
}

// Terms are what a platform has signed that one of its payers may pay. Whoever holds a
// telephone chooses neither the price nor whose wage it is.
type Terms struct {
	Booking string
	Talent  string
	Amount  money.Amount // francs
}

// Name is the principal's own: idempotency keys and limits are counted by it.
func (p Principal) Name() string {
	switch p.Role {
	case RolePayer, RoleTalent:
		return p.Platform + "/" + string(p.Role) + "/" + p.Subject
	case RoleSupport, RoleFinance, RoleAdmin:
		return "staff/" + p.Subject
	case RolePlatform:
	}
	return p.Platform
}

// Owner is whose payments exist for the principal.
func (p Principal) Owner() Owner {
	o := Owner{Principal: p.Platform}
	switch p.Role {
	case RolePayer:
		o.Payer = p.Subject
	case RoleTalent:
		o.Talent = p.Subject
	case RolePlatform, RoleSupport, RoleFinance, RoleAdmin:
	}
	return o
}

// Owner says whose payments are meant. What is empty is not asked about: the zero
// Owner owns everything.
type Owner struct {
	Principal string // the platform that began it
	Payer     string // the platform's own name for who pays
	Talent    string // who is paid
}

// BelongsTo reports that the payment is the owner's.
func (t Transaction) BelongsTo(o Owner) bool {
	is := func(asked, has string) bool { return asked == "" || asked == has }
	return is(o.Principal, t.Principal) && is(o.Payer, t.Payer.ID) && is(o.Talent, t.Talent)
}
