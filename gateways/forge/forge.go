package forge

// Delivery is one HTTP delivery, ready to be posted as it is.
type Delivery struct {
	Header     string   // the name of the signature's header
	Signatures []string // its values: one, unless a fault says otherwise
	Body       []byte   // exactly the bytes to send
}

// Values are the signatures as a gateway's Verify takes them.
func (d Delivery) Values() [][]byte {
	out := make([][]byte, len(d.Signatures))
	for i, s := range d.Signatures {
		out[i] = []byte(s)
	}
	return out
}

// Fault is something wrong with a webhook.
type Fault string

// The faults. Those of the content are signed like the truth, those of the
// signature leave the content true.
const (
	WrongAmount      Fault = "wrong_amount"      // one franc too much
	Unscaled         Fault = "unscaled"          // francs where subunits belong
	ScaledTwice      Fault = "scaled_twice"      // ×100 once too often
	FractionOfFranc  Fault = "fraction_of_franc" // no whole number of francs
	TextAmount       Fault = "text_amount"       // digits in quotes: unusual, and still the truth
	WrongCurrency    Fault = "wrong_currency"
	WrongDomain      Fault = "wrong_domain" // live for test, test for live
	ForeignReference Fault = "foreign_reference"
	UnknownKind      Fault = "unknown_kind"
	UnknownStatus    Fault = "unknown_status"
	ExtraFields      Fault = "extra_fields" // unheard of, and still the truth
	NoAmount         Fault = "no_amount"
	NoCurrency       Fault = "no_currency"
	NoDomain         Fault = "no_domain"
	NoReference      Fault = "no_reference"
	NoStatus         Fault = "no_status"
	NoData           Fault = "no_data"
	NotJSON          Fault = "not_json"

	BadSignature   Fault = "bad_signature"   // one bit of it flipped
	NoSignature    Fault = "no_signature"    // no header at all
	TwoSignatures  Fault = "two_signatures"  // the right one and a wrong one
	UpperCase      Fault = "upper_case"      // hex in capitals: unusual, and still right
	Reencoded      Fault = "reencoded"       // same JSON, other bytes than were signed
	TamperedAmount Fault = "tampered_amount" // changed after signing
)

// Faults lists them, for a command's help and for tests that try them all.
var Faults = []Fault{
	WrongAmount, Unscaled, ScaledTwice, FractionOfFranc, TextAmount, WrongCurrency, WrongDomain, ForeignReference,
	UnknownKind, UnknownStatus, ExtraFields, NoAmount, NoCurrency, NoDomain, NoReference, NoStatus, NoData, NotJSON,
	BadSignature, NoSignature, TwoSignatures, UpperCase, Reencoded, TamperedAmount,
}
