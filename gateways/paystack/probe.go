package paystack

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/wire"
)

// bank is a line of GET /bank: for CI, a wallet's operator.
type bank struct {
	Code    wire.Text `json:"code"`
	Active  flag      `json:"active"`
	Deleted flag      `json:"is_deleted"`
}

// banks lists what money can be sent to (Paystack docs, Miscellaneous, List Banks).
const banksPath = "/bank?currency=XOF&type=mobile_money&perPage="

// Probe asks something cheap that needs our key and moves no money: nil when
// Paystack is there and takes us.
func (c *Client) Probe(ctx context.Context) error {
	var one []bank
	if failure := c.ask(ctx, OpBanks, banksPath+"1", nil, &one); failure != nil {
		return failure
	}
	return nil
}

// Offers compares what the account offers with what we are configured to use, and
// says in words what is missing: an operator whose wallets can't be paid out to.
func (c *Client) Offers(ctx context.Context) (missing []string, err error) {
	var listed []bank
	if failure := c.ask(ctx, OpBanks, banksPath+"100", nil, &listed); failure != nil {
		return nil, failure
	}
	active := map[string]bool{}
	for _, b := range listed {
		if b.Active != flagFalse && b.Deleted != flagTrue {
			active[string(b.Code)] = true
		}
	}
	for _, operator := range slices.SortedFunc(maps.Keys(c.config.BankCodes), func(a, b phone.Operator) int {
		return slices.Index(phone.Operators, a) - slices.Index(phone.Operators, b)
	}) {
		if code := c.config.BankCodes[operator]; !active[code] {
			missing = append(missing, fmt.Sprintf("Paystack does not list %s: payouts to %s will be refused", code, operator.Name()))
		}
	}
	return missing, nil
}
