package engine

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
