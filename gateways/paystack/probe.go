package paystack

import (
	"context"
	"fmt"
	"slices"

	"github.com/bookmi/cauri/engine"
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

// Offers compares what the account offers with the routes that are on, and says in
// words what is missing: an operator whose wallets can't be paid out to. Of
// collecting that list says nothing.
func (c *Client) Offers(ctx context.Context, routes engine.Routes) (missing []string, err error) {
	var paid []phone.Operator
	for _, operator := range routes.Operators(engine.Disburse, engine.MobileMoney) {
		through := func(door engine.Door) bool { return door.Gateway == engine.Paystack }
		if slices.ContainsFunc(routes.For(engine.Disburse, engine.MobileMoney, operator), through) {
			paid = append(paid, operator)
		}
	}
	if len(paid) == 0 {
		return nil, nil
	}
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
	for _, operator := range paid {
		if code := c.config.BankCodes[operator]; !active[code] {
			missing = append(missing, fmt.Sprintf("Paystack does not list %q: payouts to %s will be refused", code, operator.Name()))
		}
	}
	return missing, nil
}
