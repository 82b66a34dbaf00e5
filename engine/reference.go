package engine

import (
	"strconv"
	"strings"
)

// ReferenceKind says what of a transaction a reference names.
type ReferenceKind string

// The three things a gateway is asked under a reference of ours.
const (
	ChargeReference ReferenceKind = "c" // an attempt
	PayoutReference ReferenceKind = "p" // a try
	RefundReference ReferenceKind = "r"
)

// referenceNumberMax bounds attempts, tries and refunds of one transaction.
// Ten digits more than any life of a transaction needs; it keeps the reference
// within Paystack's 50 characters (26 + 2 + 3).
const referenceNumberMax = 999

// Reference is our name for an attempt, a try or a refund, as the gateway sees
// it: 01jd…-c1. It is the address too: parsing one yields the transaction, so a
// webhook finds its actor without a look-up. It is committed before the first
// byte that mentions it is sent, and never used for anything else.
//
// The spelling fits both gateways: Paystack's transactions take [A-Za-z0-9.=-],
// its transfers 16 to 50 characters of [a-z0-9_-] (Paystack docs, "Transaction"
// and "Transfer").
type Reference struct {
	Transaction ID
	Kind        ReferenceKind
	Number      int // from 1
}

// String is the reference as sent: 01jd…-c1. The zero Reference is "".
func (r Reference) String() string {
	if r == (Reference{}) {
		return ""
	}
	return r.Transaction.String() + "-" + r.Short()
}

// Short names it within its transaction: c1, p2.
func (r Reference) Short() string { return string(r.Kind) + strconv.Itoa(r.Number) }

// ParseReference reads 01jd…-c1, in the one spelling String gives. Anything
// else is somebody else's reference: an Invalid error.
func ParseReference(s string) (Reference, error) {
	body, tail, found := strings.Cut(s, "-")
	if !found || len(tail) < 2 {
		return Reference{}, Errorf(Invalid, CodeReferenceForeign, "not a reference of ours")
	}
	id, err := ParseID(body)
	if err != nil || id.IsZero() {
		return Reference{}, Errorf(Invalid, CodeReferenceForeign, "not a reference of ours")
	}
	kind, digits := ReferenceKind(tail[:1]), tail[1:]
	number, err := strconv.Atoi(digits)
	known := kind == ChargeReference || kind == PayoutReference || kind == RefundReference
	if err != nil || !known || number < 1 || number > referenceNumberMax || strconv.Itoa(number) != digits {
		return Reference{}, Errorf(Invalid, CodeReferenceForeign, "not a reference of ours")
	}
	return Reference{Transaction: id, Kind: kind, Number: number}, nil
}
