package persistence

import (
	"fmt"

	"github.com/bookmi/cauri/engine/phone"
)

// storePhone is how a number is written. Every number that reaches the database
// goes through here, and comes back through loadPhone. A payer by card may have none.
func storePhone(n phone.Number) string { return n.E164() }

// loadPhone reads a stored number back. A row that holds something else was not
// written by storePhone; the error does not repeat it.
func loadPhone(stored string) (phone.Number, error) {
	if stored == "" {
		return phone.Number{}, nil
	}
	n, err := phone.Parse(stored)
	if err != nil {
		return phone.Number{}, fmt.Errorf("a stored phone number: %w", err)
	}
	return n, nil
}
